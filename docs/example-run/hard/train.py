# Training of clinic-visits.
# What tabular logs beside what log() is given:
# - rows of every source and set; the last batch of an epoch is left out where it is not full
# - the mean loss of each third of the batches of an epoch, and after it of all batches; with weights of classes
# - train_acc and norms of the gradients, before clipping: over the batches of an epoch, as the network was at each
# - val_loss: without weights of classes; score() adds the accuracy of each source

from tabular import class_weights, clip, dense_network, loader, log, loss, read_config, sgd, write_results
from preprocessing import evaluate_run, prepare_inputs

CLASSES = ["control", "vaccination", "acute"]  # in the order of the outputs
SETTINGS = {
    "class_weights": {
        "order": "model",
    },
}


def run_epoch(trained_network, parameter_optimizer, class_balance, weighted_criterion, batch_source, norm_limit):
    for input_batch, label_batch, weight_batch in batch_source:
        network_outputs = trained_network.forward(input_batch)
        weighted_loss = weighted_criterion(network_outputs, label_batch, weight_batch * class_balance[label_batch])
        parameter_gradients = trained_network.backward(weighted_loss)
        if norm_limit is not None:
            parameter_gradients = clip(parameter_gradients, norm=norm_limit)
        parameter_optimizer.step(trained_network, parameter_gradients)


def main():
    settings_of_run = read_config("config.yaml")
    model_settings = settings_of_run["model"]
    optimizer_settings = settings_of_run["optimizer"]
    training_settings = settings_of_run["training"]
    class_weights_settings = settings_of_run["class_weights"]
    split_rows_by_name, prepared_inputs = prepare_inputs(settings_of_run)
    weighted_criterion = loss(divide_by="capacity")
    batch_source = loader(
        split_rows_by_name["train"],
        prepared_inputs["train"],
        shuffle=False,
        batch_size=training_settings["batch_size"],
        seed=training_settings["seed"],
    )
    class_balance = class_weights(
        "class_counts.csv",
        CLASSES,
        order=SETTINGS["class_weights"]["order"],
        power=class_weights_settings["power"],
    )
    trained_network = dense_network(
        hidden_units=model_settings["hidden_units"],
        seed=training_settings["seed"],
        inputs=prepared_inputs["train"].shape[1],
        outputs=len(CLASSES),
    )
    parameter_optimizer = sgd(
        learning_rate=optimizer_settings["learning_rate"],
        weight_decay=optimizer_settings["weight_decay"],
        momentum=optimizer_settings["momentum"],
    )
    norm_limit = training_settings["gradient_clip_norm"]
    highest_accuracy, stored_network = -1.0, None
    for current_epoch in range(1, training_settings["epochs"] + 1):
        run_epoch(trained_network, parameter_optimizer, class_balance, weighted_criterion, batch_source, norm_limit)
        validation_accuracy = trained_network.accuracy(prepared_inputs["validation"], split_rows_by_name["validation"])
        log(epoch=current_epoch, val_acc=validation_accuracy)
        if validation_accuracy > highest_accuracy:
            highest_accuracy, stored_network = validation_accuracy, trained_network.copy()
    final_results = evaluate_run(stored_network, split_rows_by_name, prepared_inputs)
    write_results("eval_results.json", final_results)


if __name__ == "__main__":
    main()
