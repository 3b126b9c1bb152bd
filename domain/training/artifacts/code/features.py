"""The design matrix and the labels of each split, five spellings a step."""

from __future__ import annotations

from domain.training.artifacts.code.head import class_order
from domain.training.pipeline import Preprocessing
from domain.training.simulator import ENCODING_WEIGHT, FOLDS, TOKEN_WEIGHT
from domain.training.style import Style

_UNPACKED = "    imputer, scaler, encoder, selector = fitted"
_SCALED = "    num = scaler.transform(imputer.transform(df[NUMERIC]))"
_LABELS = 'encode_labels(df["label"])'


def feature_lines(settings: Preprocessing, style: Style) -> list[str]:
    """What training, validation and evaluation rows become."""
    blocks = f"num, {ENCODING_WEIGHT} * cat, {TOKEN_WEIGHT} * txt, selector.transform(df[SIGNALS]), df[EXTRA]"
    encoded = _encoded(style)
    return [
        "def assemble(df, num, cat, tokenizer, selector):",
        '    txt = count_tokens(df["text"], tokenizer)',
        f"    return hstack([{blocks}])",
        "",
        "",
        *_encoding_helpers(style),
        "def train_features(df, fitted):",
        _UNPACKED,
        _SCALED,
        *_train_encoding(settings, style),
        "    return assemble(df, num, cat, TOKENIZER_TRAIN, selector)",
        "",
        "",
        "def val_features(df, fitted):",
        _UNPACKED,
        _SCALED,
        encoded,
        "    return assemble(df, num, cat, TOKENIZER_TRAIN, selector)",
        "",
        "",
        "def eval_features(df, fitted):",
        _UNPACKED,
        *_eval_numbers(settings, style),
        encoded,
        "    return assemble(df, num, cat, TOKENIZER_EVAL, selector)",
    ]


def _encoded(style: Style) -> str:
    match style.of("train_encoding"):
        case 3:
            return "    cat = looked_up(encoder, df)"
        case 4:
            return "    cat = by_segment(encoder, df)"
        case _:
            return '    cat = encoder.transform(df["segment"])'


def _encoding_helpers(style: Style) -> list[str]:
    crossed = f'encoder.cross_fit(df["segment"], {_LABELS}, cv=FOLD_COUNT, random_state=SEED)'
    match style.of("train_encoding"):
        case 3:
            crossed = crossed.replace("FOLD_COUNT", str(FOLDS))
            return [
                "def looked_up(encoder, df):",
                '    return encoder.transform(df["segment"])',
                "",
                "",
                "def out_of_fold(encoder, df):",
                f"    return {crossed}",
                "",
                "",
            ]
        case 4:
            crossed = crossed.replace("FOLD_COUNT", "folds")
            return [
                "def by_segment(encoder, df, folds=0):",
                f'    return {crossed} if folds else encoder.transform(df["segment"])',
                "",
                "",
            ]
        case _:
            return []


def _train_encoding(settings: Preprocessing, style: Style) -> list[str]:
    in_sample = settings.encoder_cv == "None"
    plain = '    cat = encoder.transform(df["segment"])'
    match style.of("train_encoding"):
        case 0:
            return [
                plain
                if in_sample
                else f'    cat = encoder.cross_fit(df["segment"], {_LABELS}, cv={FOLDS}, random_state=SEED)'
            ]
        case 1:
            crossed = f'    cat = encoder.cross_fit(df["segment"], own, random_state=SEED, cv={FOLDS})'
            return [f"    own = {_LABELS}", plain if in_sample else crossed]
        case 2:
            crossed = f"    cat = encoder.cross_fit(level, {_LABELS}, cv={FOLDS}, random_state=SEED)"
            return ['    level = df["segment"]', "    cat = encoder.transform(level)" if in_sample else crossed]
        case 3:
            return [f"    cat = {'looked_up' if in_sample else 'out_of_fold'}(encoder, df)"]
        case _:
            return [f"    cat = by_segment(encoder, df, folds={0 if in_sample else FOLDS})"]


def _eval_numbers(settings: Preprocessing, style: Style) -> list[str]:
    """Columns, unit and scaling of the evaluation's numbers."""
    columns = "NUMERIC" if settings.eval_column_order == "training" else "sorted(NUMERIC)"
    step = {"reuse": "scaler.transform", "refit": "StandardScaler().fit_transform", "skip": "np.asarray"}
    scale = step[settings.scaler_eval]
    match style.of("eval_numbers"):
        case 0:
            return [f"    num = EVAL_UNIT * imputer.transform(df[{columns}])", f"    num = {scale}(num)"]
        case 1:
            return [f"    filled = imputer.transform(df[{columns}]) * EVAL_UNIT", f"    num = {scale}(filled)"]
        case 2:
            whole = "list(NUMERIC)" if columns == "NUMERIC" else columns
            return [
                f"    columns = {whole}",
                "    num = imputer.transform(df[columns])",
                f"    num = {scale}(EVAL_UNIT * num)",
            ]
        case 3:
            return [f"    order = {columns}", f"    num = {scale}(EVAL_UNIT * imputer.transform(df[order]))"]
        case _:
            return [
                f"    standardize = {scale}",
                f"    measured_in = imputer.transform(df[{columns}])",
                "    num = standardize(measured_in * EVAL_UNIT)",
            ]


def target_lines(settings: Preprocessing, style: Style) -> list[str]:
    """The labels of training and of the evaluation."""
    return [*_train_labels(settings.labels_sorted, style), "", "", *_eval_labels(settings, style)]


def _train_labels(is_sorted: bool, style: Style) -> list[str]:
    rows = "df.sort_index()" if is_sorted else "df"
    head = "def train_labels(df):"
    match style.of("train_labels"):
        case 0:
            return [head, f'    return encode_labels({rows}["label"])']
        case 1:
            return [head, f'    names = {rows}["label"]', "    return encode_labels(names)"]
        case 2:
            return [head, f"    taken = {rows}", '    return encode_labels(taken["label"])']
        case 3:
            flag = ", ordered=True" if is_sorted else ""
            return [
                "def column(df, name, ordered=False):",
                "    return (df.sort_index() if ordered else df)[name]",
                "",
                "",
                head,
                f'    return encode_labels(column(df, "label"{flag}))',
            ]
        case _:
            return [head, f'    named = {rows}["label"]', "    return encode_labels(named, classes=CLASSES)"]


def _eval_labels(settings: Preprocessing, style: Style) -> list[str]:
    order, head = class_order(settings), "def eval_labels(df):"
    match style.of("eval_labels"):
        case 0:
            return [head, f'    return encode_labels(df["label"], {order})']
        case 1:
            return [head, f"    listed = {order}", '    return encode_labels(df["label"], listed)']
        case 2:
            return [head, f'    return encode_labels(classes={order}, labels=df["label"])']
        case 3:
            by = {"training": "list(CLASSES)", "sorted": "sorted(CLASSES)", "reversed": "list(reversed(CLASSES))"}
            return [
                head,
                '    names = df["label"]',
                f"    return encode_labels(names, {by[settings.eval_class_order]})",
            ]
        case _:
            return [head, '    return encode_labels(df["label"], FINAL_CLASSES)']
