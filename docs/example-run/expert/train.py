# Training of harvest-grading.
# What tabular logs beside what log() is given:
# - rows of every source and set; the last batch of an epoch is left out where it is not full
# - the mean loss of each third of the batches of an epoch, and after it of all batches; with weights of classes
# - train_acc and norms of the gradients, before clipping: over the batches of an epoch, as the network was at each
# - val_loss: without weights of classes; score() adds the accuracy of each source

from tabular import class_weights, clip, dense_network, loader, log, loss, read_config, sgd, write_results
from preprocessing import score_net, prep

SETTINGS = {
    "loss": {
        "divide_by": "capacity",
    },
}
CLASS_WEIGHTS = {
    "order": "sorted",
}
CLASSES = ["market", "export", "juice"]  # in the order of the outputs


def run_epoch(net, opt, cw, crit, dl, lim):
    for xb, yb, wb in dl:
        out = net.forward(xb)
        l = crit(out, yb, wb * cw[yb])
        g = net.backward(l)
        if lim is not None:
            g = clip(g, norm=lim)
        opt.step(net, g)


def main():
    cfg = read_config("config.yaml")
    sets, xs = prep(cfg)
    net = dense_network(
        outputs=len(CLASSES),
        inputs=xs["train"].shape[1],
        seed=cfg["training"]["seed"],
        hidden_units=cfg["model"]["hidden_units"],
    )
    opt = sgd(
        learning_rate=cfg["optimizer"]["learning_rate"],
        momentum=cfg["optimizer"]["momentum"],
        weight_decay=cfg["optimizer"]["weight_decay"],
    )
    cw = class_weights(
        "class_counts.csv",
        CLASSES,
        **CLASS_WEIGHTS,
        power=cfg["class_weights"]["power"],
    )
    dl = loader(
        sets["train"],
        xs["train"],
        shuffle=False,
        batch_size=cfg["training"]["batch_size"],
        seed=cfg["training"]["seed"],
    )
    crit = loss(divide_by=SETTINGS["loss"]["divide_by"])
    lim = cfg["training"]["gradient_clip_norm"]
    top, keep = -1.0, None
    for ep in range(1, cfg["training"]["epochs"] + 1):
        run_epoch(net, opt, cw, crit, dl, lim)
        acc = net.accuracy(xs["validation"], sets["validation"])
        log(epoch=ep, val_acc=acc)
        if acc > top:
            top, keep = acc, net.copy()
    res = score_net(keep, sets, xs)
    write_results("eval_results.json", res)


if __name__ == "__main__":
    main()
