"""pump-service: training."""
# What tabular logs beside what log() is given:
# - rows of every source and set; the last batch of an epoch is left out where it is not full
# - the mean loss of each third of the batches of an epoch, and after it of all batches; with weights of classes
# - train_acc and norms of the gradients, before clipping: over the batches of an epoch, as the network was at each
# - val_loss: without weights of classes; score() adds the accuracy of each source

from tabular import class_weights, clip, dense_network, loader, log, loss, read_config, sgd, write_results
from preprocessing import evaluate, prepare

LOADER_SHUFFLE = False
CLASSES = ['motor', 'seal', 'bearing']  # in the order of the outputs
SETTINGS = {
    'class_weights': {
        'order': 'model',
    },
}


def make_loss(*given, divide_by='capacity', **rest):
    return loss(*given, divide_by=divide_by, **rest)


class Trainer:
    def __init__(self, config):
        self.config = config
        self.parts, self.inputs = prepare(config)

    def run(self):
        config = self.config
        model_settings = config['model']
        optimizer_settings = config['optimizer']
        training_settings = config['training']
        class_weights_settings = config['class_weights']
        parts, inputs = self.parts, self.inputs
        network = dense_network(
            seed=training_settings['seed'],
            outputs=len(CLASSES),
            hidden_units=model_settings['hidden_units'],
            inputs=inputs['train'].shape[1],
        )
        criterion = make_loss()
        balance = class_weights(
            'class_counts.csv',
            CLASSES,
            order=SETTINGS['class_weights']['order'],
            power=class_weights_settings['power'],
        )
        optimizer = sgd(
            momentum=optimizer_settings['momentum'],
            weight_decay=optimizer_settings['weight_decay'],
            learning_rate=optimizer_settings['learning_rate'],
        )
        batches = loader(
            parts['train'],
            inputs['train'],
            shuffle=LOADER_SHUFFLE,
            batch_size=training_settings['batch_size'],
            seed=training_settings['seed'],
        )
        limit = training_settings['gradient_clip_norm']
        self.network = network
        self.optimizer = optimizer
        self.balance = balance
        self.criterion = criterion
        self.batches = batches
        self.limit = limit
        best, kept = -1.0, None
        for epoch in range(1, training_settings['epochs'] + 1):
            self.run_epoch()
            accuracy = network.accuracy(inputs['validation'], parts['validation'])
            log(epoch=epoch, val_acc=accuracy)
            if accuracy > best:
                best, kept = accuracy, network.copy()
        return kept

    def run_epoch(self):
        for x, labels, weights in self.batches:
            logits = self.network.forward(x)
            value = self.criterion(logits, labels, weights * self.balance[labels])
            gradients = self.network.backward(value)
            if self.limit is not None:
                gradients = clip(gradients, norm=self.limit)
            self.optimizer.step(self.network, gradients)


def main():
    trainer = Trainer(read_config('config.yaml'))
    kept = trainer.run()
    results = evaluate(kept, trainer.parts, trainer.inputs)
    write_results('eval_results.json', results)


if __name__ == '__main__':
    main()
