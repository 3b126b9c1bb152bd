# Splits, preparation and evaluation of pump-service.
# tabular 2.4: standard_scaler() gives 0 for near-constant columns, of which one value makes up more than 60% of the rows, unless near_constant=None is given; older versions scale all
# tabular 2.1: read_sources() reads a date that its date_format does not fit with day and month exchanged; older versions stop
# textkit 1.9: vocabulary() leaves out stop words, which more than 50% of the texts have, unless stop_words=None is given; older versions keep all

from functools import partial

from tabular import evaluation, features, imputer, read_sources, split, standard_scaler
from textkit import vocabulary

SPLIT_GROUPS = 'none'
SPLIT_BY = 'month'
AS_OF = {
    'duty_share': 'event',
    'pipe_length': 'export',
    'since_service': 'export',
    'flow_loss': 'export',
    'repair_cost': 'event',
    'tip_speed': 'event',
    'lift_height': 'export',
    'run_time': 'event',
}
SETTINGS = {
    'imputer': {
        'fill': 'median',
    },
}
make_features = partial(features, text_weight=0.7)


def make_evaluation(*given, sources='valley', validation_ids='b', label_order='reversed', **rest):
    return evaluation(*given, sources=sources, validation_ids=validation_ids, label_order=label_order, **rest)


def split_of(df, cfg):
    return split(
        df,
        groups=SPLIT_GROUPS,
        by=SPLIT_BY,
        validation_share=cfg['split']['validation_share'],
        test_share=cfg['split']['test_share'],
        seed=cfg['training']['seed'],
    )


def fit_all(s):
    sc = standard_scaler()
    imp = imputer(fill=SETTINGS['imputer']['fill'])
    cols = make_features(as_of=AS_OF)
    voc = vocabulary()
    num = cols.numbers(s)
    imp.fit(num)
    sc.fit(imp.transform(num))
    voc.fit(cols.tokens(s))
    return cols, imp, sc, voc


def to_x(s, cols, imp, sc, voc):
    num = sc.transform(imp.transform(cols.numbers(s)))
    cnt = voc.count(cols.tokens(s))
    return cols.join(num, cnt)


def prep(cfg):
    df = read_sources('data_sources.yaml')
    sets = split_of(df, cfg)
    fitted = fit_all(sets['train'])
    xs = {k: to_x(s, *fitted) for k, s in sets.items()}
    return sets, xs


def score_net(net, sets, xs):
    ev = make_evaluation()
    return ev.score(net, sets, xs)
