"""pump-service: training."""
# What tabular logs beside what log() is given:
# - rows of every source and set; the last batch of an epoch is left out where it is not full
# - the mean loss of each third of the batches of an epoch, and after it of all batches; with weights of classes
# - train_acc and norms of the gradients, before clipping: over the batches of an epoch, as the network was at each
# - val_loss: without weights of classes; score() adds the accuracy of each source

from tabular import class_weights, clip, dense_network, loader, log, loss, read_config, sgd, write_results
from preprocessing import score_net, prep

CLASSES = ['motor', 'seal', 'bearing']  # in the order of the outputs
SETTINGS = {
    'loss': {
        'divide_by': 'rows',
    },
}


class ClassWeightsSettings:
    order = 'model'


class Trainer:
    def __init__(self, cfg):
        self.cfg = cfg
        self.sets, self.xs = prep(cfg)

    def run(self):
        cfg = self.cfg
        model_settings = cfg['model']
        optimizer_settings = cfg['optimizer']
        training_settings = cfg['training']
        class_weights_settings = cfg['class_weights']
        sets, xs = self.sets, self.xs
        # shuffle: draws the order of the rows anew each epoch; otherwise as they arrive
        dl = loader(
            sets['train'],
            xs['train'],
            shuffle=False,
            batch_size=training_settings['batch_size'],
            seed=training_settings['seed'],
        )
        # order: how the file with the counts lists the classes; model is the order of the outputs
        cw = class_weights(
            'class_counts.csv',
            CLASSES,
            order=ClassWeightsSettings.order,
            power=class_weights_settings['power'],
        )
        # constant learning rate, no schedule
        opt = sgd(
            learning_rate=optimizer_settings['learning_rate'],
            weight_decay=optimizer_settings['weight_decay'],
            momentum=optimizer_settings['momentum'],
        )
        # divide_by: rows of a batch, or its capacity with padding
        crit = loss(divide_by=SETTINGS['loss']['divide_by'])
        # one hidden layer
        net = dense_network(
            inputs=xs['train'].shape[1],
            outputs=len(CLASSES),
            hidden_units=model_settings['hidden_units'],
            seed=training_settings['seed'],
        )
        lim = training_settings['gradient_clip_norm']
        self.net = net
        self.opt = opt
        self.cw = cw
        self.crit = crit
        self.dl = dl
        self.lim = lim
        top, keep = -1.0, None
        for ep in range(1, training_settings['epochs'] + 1):
            self.run_epoch()
            acc = net.accuracy(xs['validation'], sets['validation'])
            log(epoch=ep, val_acc=acc)
            if acc > top:
                top, keep = acc, net.copy()
        return keep

    def run_epoch(self):
        for xb, yb, wb in self.dl:
            out = self.net.forward(xb)
            l = self.crit(out, yb, wb * self.cw[yb])
            g = self.net.backward(l)
            if self.lim is not None:
                g = clip(g, norm=self.lim)
            self.opt.step(self.net, g)


def main():
    tr = Trainer(read_config('config.yaml'))
    keep = tr.run()
    res = score_net(keep, tr.sets, tr.xs)
    write_results('eval_results.json', res)


main()
