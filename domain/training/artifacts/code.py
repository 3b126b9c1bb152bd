"""preprocessing.py: the code of a pipeline's preprocessing and evaluation, as `simulator.Steps` runs it.

Each step is one line that depends on one field, so that changing a field changes the lines of that field and no other.
"""

from __future__ import annotations

from domain.training.artifacts.numbers import to_text
from domain.training.pipeline import Pipeline, Preprocessing
from domain.training.simulator import ENCODING_WEIGHT, FOLDS, TOKEN_WEIGHT
from domain.training.themes import BY_DATASET
from domain.training.world import PROXY

IMPORTS = (
    "IdentityTransform",
    "RandomOverSampler",
    "SelectKBest",
    "SimpleImputer",
    "StandardScaler",
    "TargetEncoder",
    "count_tokens",
    "f1_score",
    "hstack",
    "score",
    "split_rows",
)


def render_code(pipeline: Pipeline) -> str:
    """The text of preprocessing.py."""
    settings = pipeline.preprocessing
    blocks = (
        _head(pipeline),
        _labels(),
        _split(settings),
        _transforms(settings),
        _features(settings),
        _targets(settings),
        _loaders(settings),
        _evaluation(pipeline),
    )
    return "\n\n\n".join("\n".join(block) for block in blocks) + "\n"


def _head(pipeline: Pipeline) -> list[str]:
    settings, theme = pipeline.preprocessing, BY_DATASET[pipeline.dataset.name]
    extra = "[]" if settings.resolution_code == "drop" else f'["{PROXY}"]'
    return [
        f'"""Feature pipeline and evaluation for {pipeline.dataset.name}."""',
        "",
        "import numpy as np",
        "from tabular import (",
        *(f"    {name}," for name in IMPORTS),
        ")",
        "",
        f"CLASSES = {_strings(pipeline.dataset.classes)}",
        "NUMERIC = [",
        *(f'    "{name}",' for name in theme.numeric),
        "]",
        f'SIGNALS = sorted(f"signal_{{number:02d}}" for number in range({pipeline.dataset.signals}))',
        f"EXTRA = {extra}",
        f'TOKENIZER_TRAIN = "{theme.tokenizer}-{settings.tokenizer_train}"',
        f'TOKENIZER_EVAL = "{theme.tokenizer}-{settings.tokenizer_eval}"',
        f"EVAL_UNIT = {_number(settings.eval_unit_scale)}",
        f"SEED = {pipeline.training.seed}",
    ]


def _labels() -> list[str]:
    return [
        "def encode_labels(labels, classes=CLASSES):",
        "    index = {name: code for code, name in enumerate(classes)}",
        "    return np.array([index[name] for name in labels])",
    ]


def _split(settings: Preprocessing) -> list[str]:
    def groups(frame: str) -> str:
        return f'{frame}["customer_id"]' if settings.split_groups == "customer_id" else "None"

    lines = ["def make_split(df, seed):"]
    if settings.oversample == "all":
        lines.append("    df = RandomOverSampler(random_state=SEED).fit_resample_frame(df)")
    pool = "rest" if settings.second_split_from == "rest" else "df"
    for parts, frame, share in (("rest, test", "df", settings.test_size), ("train, val", pool, settings.val_size)):
        arguments = f"{frame}, test_size={_number(share)}, groups={groups(frame)}, random_state=seed"
        lines.append(f"    {parts} = split_rows({arguments})")
    return [*lines, "    return train, val, test"]


def _transforms(settings: Preprocessing) -> list[str]:
    rows = {"train": "train", "all": "everything"}
    scaler, encoder, selector = rows[settings.scaler_fit], rows[settings.encoder_fit], rows[settings.selector_fit]
    if settings.fill_value in ("median", "mean"):
        imputer = f'SimpleImputer(strategy="{settings.fill_value}")'
    else:
        imputer = f'SimpleImputer(strategy="constant", fill_value={float(settings.fill_value)})'
    scaler_class = "StandardScaler" if settings.scaler_enabled else "IdentityTransform"
    smooth = _number(settings.encoder_smooth)
    return [
        "def fit_transforms(train, everything):",
        '    levels = 1 + everything["segment"].max()',
        f"    imputer = {imputer}.fit(train[NUMERIC])",
        f"    scaler = {scaler_class}().fit(imputer.transform({scaler}[NUMERIC]))",
        f"    encoder = TargetEncoder(classes=len(CLASSES), levels=levels, smooth={smooth})",
        f'    encoder.fit({encoder}["segment"], encode_labels({encoder}["label"]))',
        f"    selector = SelectKBest(k={settings.selector_k})",
        f'    selector.fit({selector}[SIGNALS], encode_labels({selector}["label"]))',
        "    return imputer, scaler, encoder, selector",
    ]


def _features(settings: Preprocessing) -> list[str]:
    columns = "NUMERIC" if settings.eval_column_order == "training" else "sorted(NUMERIC)"
    scaled = {
        "reuse": "    num = scaler.transform(num)",
        "refit": "    num = StandardScaler().fit_transform(num)",
        "skip": "    num = np.asarray(num)",
    }[settings.scaler_eval]
    if settings.encoder_cv == "None":
        encoded = '    cat = encoder.transform(df["segment"])'
    else:
        labels = 'encode_labels(df["label"])'
        encoded = f'    cat = encoder.cross_fit(df["segment"], {labels}, cv={FOLDS}, random_state=SEED)'
    blocks = f"num, {ENCODING_WEIGHT} * cat, {TOKEN_WEIGHT} * txt, selector.transform(df[SIGNALS]), df[EXTRA]"
    return [
        "def assemble(df, num, cat, tokenizer, selector):",
        '    txt = count_tokens(df["text"], tokenizer)',
        f"    return hstack([{blocks}])",
        "",
        "",
        "def train_features(df, fitted):",
        "    imputer, scaler, encoder, selector = fitted",
        "    num = scaler.transform(imputer.transform(df[NUMERIC]))",
        encoded,
        "    return assemble(df, num, cat, TOKENIZER_TRAIN, selector)",
        "",
        "",
        "def val_features(df, fitted):",
        "    imputer, scaler, encoder, selector = fitted",
        "    num = scaler.transform(imputer.transform(df[NUMERIC]))",
        '    cat = encoder.transform(df["segment"])',
        "    return assemble(df, num, cat, TOKENIZER_TRAIN, selector)",
        "",
        "",
        "def eval_features(df, fitted):",
        "    imputer, scaler, encoder, selector = fitted",
        f"    num = EVAL_UNIT * imputer.transform(df[{columns}])",
        scaled,
        '    cat = encoder.transform(df["segment"])',
        "    return assemble(df, num, cat, TOKENIZER_EVAL, selector)",
    ]


def _targets(settings: Preprocessing) -> list[str]:
    source = 'df.sort_index()["label"]' if settings.labels_sorted else 'df["label"]'
    order = {"training": "CLASSES", "sorted": "sorted(CLASSES)", "reversed": "CLASSES[::-1]"}[settings.eval_class_order]
    return [
        "def train_labels(df):",
        f"    return encode_labels({source})",
        "",
        "",
        "def eval_labels(df):",
        f'    return encode_labels(df["label"], {order})',
    ]


def _loaders(settings: Preprocessing) -> list[str]:
    lines = [
        "def make_loaders(df):",
        "    train, val, test = make_split(df, seed=SEED)",
        "    fitted = fit_transforms(train, df)",
        "    X, y = train_features(train, fitted), train_labels(train)",
    ]
    if settings.oversample == "train":
        lines.append("    X, y = RandomOverSampler(random_state=SEED).fit_resample(X, y)")
    watched = settings.val_rows
    return [
        *lines,
        f'    X_val, y_val = val_features({watched}, fitted), encode_labels({watched}["label"])',
        "    return (X, y), (X_val, y_val), fitted",
    ]


def _evaluation(pipeline: Pipeline) -> list[str]:
    settings = pipeline.preprocessing
    reports = "m_val, m_test" if pipeline.evaluation.val_accuracy_from == "validation" else "m_test, m_val"
    return [
        "def run_evaluation(model, df, fitted, average):",
        f"    train, val, test = make_split(df, seed={settings.eval_random_state})",
        f"    model.{settings.eval_mode}()",
        '    m_val = score(model, val_features(val, fitted), encode_labels(val["label"]))',
        f"    m_test = score(model, eval_features({settings.test_rows}, fitted), eval_labels({settings.test_rows}))",
        f"    val_report, test_report = {reports}",
        "    return {",
        '        "val_loss": val_report.loss,',
        '        "val_accuracy": val_report.accuracy,',
        '        "test_loss": test_report.loss,',
        '        "test_accuracy": test_report.accuracy,',
        '        "test_f1": f1_score(test_report.confusion, average=average),',
        '        "rows_scored": {"val": val_report.rows, "test": test_report.rows},',
        '        "test_confusion": test_report.confusion,',
        "    }",
    ]


def _number(value: float) -> str:
    text = to_text(value)
    return text if any(mark in text for mark in ".en") else f"{text}.0"


def _strings(names: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
