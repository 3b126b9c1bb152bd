"""Splits, preparation and evaluation of pump-service."""
# tabular 2.1: read_sources() reads a date that its date_format does not fit with day and month exchanged; older versions stop
# tabular 2.4: standard_scaler() gives 0 for near-constant columns, of which one value makes up more than 60% of the rows, unless near_constant=None is given; older versions scale all
# textkit 1.9: vocabulary() leaves out stop words, which more than 50% of the texts have, unless stop_words=None is given; older versions keep all

import tabular as tb
import textkit as tk

SPLIT_BY = 'month'
SPLIT_GROUPS = 'none'
SETTINGS = {
    'features': {
        'text_weight': 0.7,
    },
    'imputer': {
        'fill': 'mean',
    },
}
AS_OF = {
    'lift_height': 'export',
    'rotor_mass': 'export',
    'run_time': 'export',
    'flow_loss': 'export',
    'duty_share': 'event',
    'pipe_length': 'export',
    'tip_speed': 'event',
    'since_service': 'event',
}
EVALUATION_VALIDATION_IDS = 'a'
EVALUATION_SOURCES = 'harbour'
EVALUATION_LABEL_ORDER = 'model'


def split_of(rows, config):
    return tb.split(
        rows,
        by=SPLIT_BY,
        groups=SPLIT_GROUPS,
        validation_share=config['split']['validation_share'],
        test_share=config['split']['test_share'],
        seed=config['training']['seed'],
    )


def fit_on(part):
    # empty cells
    filler = tb.imputer(fill=SETTINGS['imputer']['fill'])
    # as_of: event takes a value as it was at the event, export as it is in the newest export
    columns = tb.features(text_weight=SETTINGS['features']['text_weight'], as_of=AS_OF)
    # mean 0, standard deviation 1 on the training rows
    scaler = tb.standard_scaler()
    # words of the free text; count() gives counts around their means
    words = tk.vocabulary()
    numbers = columns.numbers(part)
    filler.fit(numbers)
    scaler.fit(filler.transform(numbers))
    words.fit(columns.tokens(part))
    return columns, filler, scaler, words


def to_inputs(part, columns, filler, scaler, words):
    numbers = scaler.transform(filler.transform(columns.numbers(part)))
    counts = words.count(columns.tokens(part))
    return columns.join(numbers, counts)


def prepare(config):
    rows = tb.read_sources('data_sources.yaml')
    parts = split_of(rows, config)
    fitted = fit_on(parts['train'])
    inputs = {}
    for name, part in parts.items():
        inputs[name] = to_inputs(part, *fitted)
    return parts, inputs


def evaluate(network, parts, inputs):
    # label_order: how the file of test labels numbers the classes; validation_ids: which list of saved ids validates
    report = tb.evaluation(
        validation_ids=EVALUATION_VALIDATION_IDS,
        sources=EVALUATION_SOURCES,
        label_order=EVALUATION_LABEL_ORDER,
    )
    return report.score(network, parts, inputs)
