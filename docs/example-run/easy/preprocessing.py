"""product-returns: features, splits and evaluation."""

import numpy as np
from tabular import IdentityTransform, RandomOverSampler, SelectKBest, SimpleImputer, StandardScaler
from tabular import TargetEncoder, count_tokens, f1_score, hstack, score, split_rows

CLS = ["unwanted", "wrong_item", "damaged", "late"]
NUM = [
    "price",
    "days_to_return",
    "weight_grams",
    "discount_share",
    "basket_value",
    "minutes_on_page",
    "shipping_cost",
    "orders_per_year",
    "box_volume_cm3",
    "distance_km",
    "review_length",
]
SIG = sorted(f"signal_{number:02d}" for number in range(29))
XTRA = []
VERSIONS = {"train": "v2", "eval": "v2"}
TOK_TRAIN = f"returns-bpe-{VERSIONS['train']}"
TOK_EVAL = f"returns-bpe-{VERSIONS['eval']}"
EVAL_K = 1.0
RNG_SEED = 42498


def score_net(model, d, ft, average):
    train, va, te = cut_rows(d, seed=RNG_SEED)
    model = model.eval()
    s_val = score(model, feats_val(va, ft), enc(va["label"]))
    held_out = te
    s_test = score(model, feats_eval(held_out, ft), y_final(held_out))
    r_val, r_test = s_val, s_test
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
    A_val, b_val = feats_val(va, ft), enc(va["label"])
    return (A, b), (A_val, b_val), ft


def cut_rows(d, seed):
    how = dict(random_state=seed)
    left, te = split_rows(d, groups=d["customer_id"], test_size=0.27, **how)
    train, va = split_rows(left, groups=left["customer_id"], test_size=0.24, **how)
    return train, va, te


def fit_all(train, pool):
    levels = 1 + pool["segment"].max()
    imputer = SimpleImputer(strategy="median").fit(train[NUM])
    complete_rows = imputer.transform(train[NUM])
    scaler = StandardScaler().fit(complete_rows)
    encoder = TargetEncoder(classes=len(CLS), levels=levels, smooth=11.0).fit(train["segment"], enc(train["label"]))
    selector = SelectKBest(k=9).fit(train[SIG], enc(train["label"]))
    return imputer, scaler, encoder, selector


def stack_up(d, n, c, tokenizer, selector):
    t = count_tokens(d["text"], tokenizer)
    return hstack([n, 3.0 * c, 0.7 * t, selector.transform(d[SIG]), d[XTRA]])


def feats_train(d, ft):
    imputer, scaler, encoder, selector = ft
    n = scaler.transform(imputer.transform(d[NUM]))
    level = d["segment"]
    c = encoder.cross_fit(level, enc(d["label"]), cv=5, random_state=RNG_SEED)
    return stack_up(d, n, c, TOK_TRAIN, selector)


def feats_val(d, ft):
    imputer, scaler, encoder, selector = ft
    n = scaler.transform(imputer.transform(d[NUM]))
    c = encoder.transform(d["segment"])
    return stack_up(d, n, c, TOK_TRAIN, selector)


def feats_eval(d, ft):
    imputer, scaler, encoder, selector = ft
    n = EVAL_K * imputer.transform(d[NUM])
    n = scaler.transform(n)
    c = encoder.transform(d["segment"])
    return stack_up(d, n, c, TOK_EVAL, selector)


def enc(labels, classes=CLS):
    codes = dict(zip(classes, range(len(classes))))
    return np.array([codes[name] for name in labels])


def y_fit(d):
    names = d["label"]
    return enc(names)


def y_final(d):
    return enc(d["label"], CLS)
