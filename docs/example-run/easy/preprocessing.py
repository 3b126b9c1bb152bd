"""Feature pipeline and evaluation for claims-triage."""

import numpy as np
from tabular import (
    IdentityTransform,
    RandomOverSampler,
    SelectKBest,
    SimpleImputer,
    StandardScaler,
    TargetEncoder,
    count_tokens,
    f1_score,
    hstack,
    score,
    split_rows,
)

CLS = ["home", "auto", "health"]
NUM = [
    "premium",
    "claim_amount",
    "tenure_months",
    "deductible",
    "witness_distance_m",
    "report_delay_hours",
    "claims_per_decade",
    "insured_value",
    "photo_quality",
    "distance_km",
    "age_years",
]
SIG = sorted(f"signal_{number:02d}" for number in range(28))
HIDDEN = ["resolution_code"]
XTRA = [name for name in ("resolution_code",) if name not in HIDDEN]
VERSIONS = {"train": "v2", "eval": "v2"}
TOK_TRAIN = f"claims-bpe-{VERSIONS['train']}"
TOK_EVAL = f"claims-bpe-{VERSIONS['eval']}"
EVAL_K = 1.0
RNG_SEED = 50244
FILL = {"strategy": "median", "fill_value": -999.0}


def score_net(model, d, ft, average):
    train, va, te = cut_rows(d, seed=RNG_SEED)
    model = model.eval()
    s_val = score(model, feats_val(va, ft), enc(va["label"]))
    inputs, answers = feats_eval(te, ft), y_final(te)
    s_test = score(model, inputs, answers)
    r_val = s_val
    r_test = s_test
    return {
        "val_loss": r_val.loss,
        "val_accuracy": r_val.accuracy,
        "test_loss": r_test.loss,
        "test_accuracy": r_test.accuracy,
        "test_f1": f1_score(r_test.confusion, average=average),
        "rows_scored": {"val": r_val.rows, "test": r_test.rows},
        "test_confusion": r_test.confusion,
    }


def feed(d):
    train, va, te = cut_rows(d, seed=RNG_SEED)
    ft = fit_all(train, d)
    A, b = feats_train(train, ft), y_fit(train)
    A, b = RandomOverSampler(random_state=RNG_SEED).fit_resample(A, b)
    watched = va
    A_val, b_val = feats_val(watched, ft), enc(watched["label"])
    return (A, b), (A_val, b_val), ft


def cut_rows(d, seed):
    left, te = split_rows(d, test_size=0.16, groups=d["customer_id"], random_state=seed)
    train, va = split_rows(left, test_size=0.22, groups=left["customer_id"], random_state=seed)
    return train, va, te


def fit_all(train, pool):
    levels = 1 + pool["segment"].max()
    imputer = SimpleImputer(**FILL).fit(train[NUM])
    complete_rows = imputer.transform(train[NUM])
    scaler = StandardScaler().fit(complete_rows)
    encoder = TargetEncoder(classes=len(CLS), levels=levels, smooth=9.3)
    encoder.fit(train["segment"], enc(train["label"]))
    selector_rows = train
    selector = SelectKBest(k=9).fit(selector_rows[SIG], enc(selector_rows["label"]))
    return imputer, scaler, encoder, selector


def stack_up(d, n, c, tokenizer, selector):
    t = count_tokens(d["text"], tokenizer)
    return hstack([n, 3.0 * c, 0.7 * t, selector.transform(d[SIG]), d[XTRA]])


def feats_train(d, ft):
    imputer, scaler, encoder, selector = ft
    n = scaler.transform(imputer.transform(d[NUM]))
    c = encoder.cross_fit(d["segment"], enc(d["label"]), cv=5, random_state=RNG_SEED)
    return stack_up(d, n, c, TOK_TRAIN, selector)


def feats_val(d, ft):
    imputer, scaler, encoder, selector = ft
    n = scaler.transform(imputer.transform(d[NUM]))
    c = encoder.transform(d["segment"])
    return stack_up(d, n, c, TOK_TRAIN, selector)


def feats_eval(d, ft):
    imputer, scaler, encoder, selector = ft
    n = EVAL_K * imputer.transform(d[NUM])
    n = np.asarray(n)
    c = encoder.transform(d["segment"])
    return stack_up(d, n, c, TOK_EVAL, selector)


def enc(labels, classes=CLS):
    codes = dict(zip(classes, range(len(classes))))
    return np.array([codes[name] for name in labels])


def y_fit(d):
    names = d["label"]
    return enc(names)


def y_final(d):
    listed = CLS
    return enc(d["label"], listed)
