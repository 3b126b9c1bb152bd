# Splits, preparation and evaluation of harvest-grading.
# tabular 2.4: standard_scaler() clips scaled values at 1.1 standard deviations unless clip=None is given; older versions do not clip
# textkit 1.9: vocabulary() keeps only the 4 most frequent words unless keep=None is given; older versions keep all
# tabular 2.1: read_sources() reads a date that its date_format does not fit with day and month exchanged; older versions stop

import tabular as tb
import textkit as tk

AS_OF = {
    "water_used": "export",
    "picking_time": "export",
    "crate_weight": "event",
    "orchard_height": "export",
    "price": "export",
    "bruise_share": "event",
    "storage_time": "export",
    "scan_size": "export",
}
SPLIT = {
    "by": "random",
    "groups": "none",
}


def make_evaluation(*given, sources="all", validation_ids="b", label_order="sorted", **rest):
    return tb.evaluation(*given, sources=sources, validation_ids=validation_ids, label_order=label_order, **rest)


def make_features(*given, text_weight=0.9, **rest):
    return tb.features(*given, text_weight=text_weight, **rest)


def split_of(df, cfg) -> dict:
    return tb.split(
        df,
        **SPLIT,
        validation_share=cfg["split"]["validation_share"],
        test_share=cfg["split"]["test_share"],
        seed=cfg["training"]["seed"],
    )


def fit_all(s) -> tuple:
    voc = tk.vocabulary()
    sc = tb.standard_scaler()
    imp = tb.imputer(fill="median")
    cols = make_features(as_of=AS_OF)
    num = cols.numbers(s)
    imp.fit(num)
    sc.fit(imp.transform(num))
    voc.fit(cols.tokens(s))
    return cols, imp, sc, voc


def to_x(s, cols, imp, sc, voc):
    num = sc.transform(imp.transform(cols.numbers(s)))
    cnt = voc.count(cols.tokens(s))
    return cols.join(num, cnt)


def prep(cfg: dict) -> tuple:
    df = tb.read_sources("data_sources.yaml")
    sets = split_of(df, cfg)
    fitted = fit_all(sets["train"])
    xs = {k: to_x(s, *fitted) for k, s in sets.items()}
    return sets, xs


def score_net(net, sets, xs) -> dict:
    ev = make_evaluation()
    return ev.score(net, sets, xs)
