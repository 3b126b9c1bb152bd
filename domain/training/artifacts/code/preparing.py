"""Labels, splits and the fitting of transforms, five spellings each."""

from __future__ import annotations

from domain.training.artifacts.code.head import fill_value, number, strategy
from domain.training.pipeline import Preprocessing
from domain.training.style import Style

_ROWS = {"train": "train", "all": "everything"}


def label_lines(style: Style) -> list[str]:
    """How class names become numbers."""
    head = "def encode_labels(labels, classes=CLASSES):"
    match style.of("encode_labels"):
        case 0:
            return [
                head,
                "    index = {name: code for code, name in enumerate(classes)}",
                "    return np.array([index[name] for name in labels])",
            ]
        case 1:
            return [
                head,
                "    codes = dict(zip(classes, range(len(classes))))",
                "    return np.array([codes[name] for name in labels])",
            ]
        case 2:
            return [head, "    known = list(classes)", "    return np.array([known.index(name) for name in labels])"]
        case 3:
            return [
                head,
                "    codes = {}",
                "    for name in classes:",
                "        codes[name] = len(codes)",
                "    return np.array([codes[name] for name in labels])",
            ]
        case _:
            return [head, "    return np.array(list(map(list(classes).index, labels)))"]


def split_lines(settings: Preprocessing, style: Style) -> list[str]:
    """One call: hold out the test rows, then the validation rows of the rest."""
    lines = [] if style.of("oversample") not in (2, 4) else [*_oversampling_helper(style), "", ""]
    lines.append("def make_split(df, seed):")
    if settings.oversample == "all":
        lines += oversampled(style, "df", "fit_resample_frame")
    pool = "rest" if settings.second_split_from == "rest" else "df"
    by_customer = settings.split_groups == "customer_id"
    shares = number(settings.test_size), number(settings.val_size)
    return lines + _SPLITS[style.of("split")](pool, by_customer, shares)


def _split_plainly(pool: str, by_customer: bool, shares: tuple[str, str]) -> list[str]:
    def call(parts: str, rows: str, share: str) -> str:
        groups = f'{rows}["customer_id"]' if by_customer else "None"
        return f"    {parts} = split_rows({rows}, test_size={share}, groups={groups}, random_state=seed)"

    return [call("rest, test", "df", shares[0]), call("train, val", pool, shares[1]), "    return train, val, test"]


def _split_by_units(pool: str, by_customer: bool, shares: tuple[str, str]) -> list[str]:
    unit = 'rows["customer_id"]' if by_customer else "None"
    return [
        "    def unit(rows):",
        f"        return {unit}",
        "",
        f"    rest, test = split_rows(df, random_state=seed, test_size={shares[0]}, groups=unit(df))",
        f"    train, val = split_rows({pool}, random_state=seed, test_size={shares[1]}, groups=unit({pool}))",
        "    return train, val, test",
    ]


def _split_with_options(pool: str, by_customer: bool, shares: tuple[str, str]) -> list[str]:
    def call(parts: str, rows: str, share: str) -> str:
        groups = f'{rows}["customer_id"]' if by_customer else "None"
        return f"    {parts} = split_rows({rows}, groups={groups}, test_size={share}, **how)"

    return [
        "    how = dict(random_state=seed)",
        call("rest, test", "df", shares[0]),
        call("train, val", pool, shares[1]),
        "    return train, val, test",
    ]


def _split_in_two(pool: str, by_customer: bool, shares: tuple[str, str]) -> list[str]:
    source = "first.rest" if pool == "rest" else "df"
    unit = '"customer_id"' if by_customer else "None"
    return [
        f"    by = {unit}",
        f"    first = split_rows(df, test_size={shares[0]}, groups=by and df[by], random_state=seed)",
        f"    source = {source}",
        f"    second = split_rows(source, test_size={shares[1]}, groups=by and source[by], random_state=seed)",
        "    return second.rest, second.held_out, first.held_out",
    ]


def _split_by_cutting(pool: str, by_customer: bool, shares: tuple[str, str]) -> list[str]:
    unit = 'whose["customer_id"]' if by_customer else "None"
    return [
        "    def cut(whose, share):",
        f"        return split_rows(whose, test_size=share, random_state=seed, groups={unit})",
        "",
        f"    rest, test = cut(df, {shares[0]})",
        f"    train, val = cut({pool}, {shares[1]})",
        "    return train, val, test",
    ]


_SPLITS = (_split_plainly, _split_by_units, _split_with_options, _split_in_two, _split_by_cutting)


def _oversampling_helper(style: Style) -> list[str]:
    name = "even_out" if style.of("oversample") == 2 else "level"
    return [
        f"def {name}(*given):",
        "    sampler = RandomOverSampler(random_state=SEED)",
        "    return sampler.fit_resample(*given) if len(given) == 2 else sampler.fit_resample_frame(*given)",
    ]


def oversampled(style: Style, names: str, method: str) -> list[str]:
    """The line that draws further copies of rare classes."""
    match style.of("oversample"):
        case 0:
            return [f"    {names} = RandomOverSampler(random_state=SEED).{method}({names})"]
        case 1:
            return ["    sampler = RandomOverSampler(random_state=SEED)", f"    {names} = sampler.{method}({names})"]
        case 2:
            return [f"    {names} = even_out({names})"]
        case 3:
            return [f"    {names} = EVENER.{method}({names})"]
        case _:
            return [f"    {names} = level({names})"]


def transform_lines(settings: Preprocessing, style: Style) -> list[str]:
    """Imputer, scaler, encoder and selector, each fitted on the rows of its field."""
    scaler, encoder, selector = (
        _ROWS[fitted] for fitted in (settings.scaler_fit, settings.encoder_fit, settings.selector_fit)
    )
    scaler_class = "StandardScaler" if settings.scaler_enabled else "IdentityTransform"
    made = f"TargetEncoder(classes=len(CLASSES), levels=levels, smooth={number(settings.encoder_smooth)})"
    chosen = f"SelectKBest(k={settings.selector_k})"
    return [
        *_imputer_maker(style),
        "def fit_transforms(train, everything):",
        '    levels = 1 + everything["segment"].max()',
        *_imputer(settings, style),
        *_scaler(style, scaler_class, scaler),
        *_fitted(style.of("encoder"), "encoder", made, encoder, "segment"),
        *_fitted(style.of("selector"), "selector", chosen, selector, "SIGNALS"),
        "    return imputer, scaler, encoder, selector",
    ]


def _imputer_maker(style: Style) -> list[str]:
    if style.of("imputer") != 4:
        return []
    return ["def filler(how, fill=-999.0):", "    return SimpleImputer(strategy=how, fill_value=fill)", "", ""]


def _imputer(settings: Preprocessing, style: Style) -> list[str]:
    how, fill = strategy(settings), fill_value(settings)
    match style.of("imputer"):
        case 0:
            constant = f", fill_value={fill}" if how == "constant" else ""
            return [f'    imputer = SimpleImputer(strategy="{how}"{constant}).fit(train[NUMERIC])']
        case 1:
            return ["    imputer = SimpleImputer(**FILL).fit(train[NUMERIC])"]
        case 2:
            return [
                f'    imputer = SimpleImputer(fill_value={fill}, strategy="{how}")',
                "    imputer.fit(train[NUMERIC])",
            ]
        case 3:
            return [
                "    imputer = SimpleImputer()",
                f'    imputer.strategy, imputer.fill_value = "{how}", {fill}',
                "    imputer = imputer.fit(train[NUMERIC])",
            ]
        case _:
            return [f'    imputer = filler("{how}", {fill}).fit(train[NUMERIC])']


def _scaler(style: Style, name: str, rows: str) -> list[str]:
    match style.of("scaler"):
        case 0:
            return [f"    scaler = {name}().fit(imputer.transform({rows}[NUMERIC]))"]
        case 1:
            return [f"    scaler = {name}()", f"    scaler.fit(imputer.transform({rows}[NUMERIC]))"]
        case 2:
            return [
                f"    complete_rows = imputer.transform({rows}[NUMERIC])",
                f"    scaler = {name}().fit(complete_rows)",
            ]
        case 3:
            return [f"    scaled = {rows}", f"    scaler = {name}().fit(imputer.transform(scaled[NUMERIC]))"]
        case _:
            return [
                f"    of_scale, scaler = {rows}, {name}()",
                "    scaler.fit(imputer.transform(of_scale[NUMERIC]))",
            ]


def _fitted(spelling: int, name: str, made: str, rows: str, columns: str) -> list[str]:
    key = columns if columns.isupper() else f'"{columns}"'
    match spelling:
        case 0:
            return [f"    {name} = {made}", f'    {name}.fit({rows}[{key}], encode_labels({rows}["label"]))']
        case 1:
            return [f'    {name} = {made}.fit({rows}[{key}], encode_labels({rows}["label"]))']
        case 2:
            return [
                f"    {name}_rows = {rows}",
                f'    {name} = {made}.fit({name}_rows[{key}], encode_labels({name}_rows["label"]))',
            ]
        case 3:
            return [
                f"    {name} = {made}",
                f'    given, known = {rows}[{key}], {rows}["label"]',
                f"    {name}.fit(given, encode_labels(known))",
            ]
        case _:
            return [
                f"    def {name}_for(given):",
                f'        return {made}.fit(given[{key}], encode_labels(given["label"]))',
                "",
                f"    {name} = {name}_for({rows})",
            ]
