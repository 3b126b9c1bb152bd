"""What an entry of a patch means: the artifact, the field and the value, however they are written.

Numbers and booleans as strings, choices in any case, the words that the libraries use for them, and printed constants for their
names. What means nothing stays as it is written, so that the verdict can say what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from types import MappingProxyType

from domain.diagnosis import PatchEntry
from domain.grading.written_run import Declaration, SingleTableRun, WrittenRun
from domain.training.artifacts.code.names import SCHEMES
from domain.training.pipeline import FieldValue
from domain.types import ARTIFACT_NAMES, ArtifactName

SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "he": ("kaiming", "kaiming_normal", "kaiming_uniform", "he_normal", "he_uniform"),
        "xavier": ("glorot", "glorot_normal", "glorot_uniform", "xavier_normal", "xavier_uniform"),
        "constant": ("zeros", "zero", "const"),
        "logits": ("linear", "identity", "none", "null", "raw", "no softmax", "from_logits"),
        "linear": ("identity", "none"),
        "sgd": ("torch.optim.sgd", "optim.sgd"),
        "adam": ("torch.optim.adam", "optim.adam"),
        "adamw": ("torch.optim.adamw", "optim.adamw"),
        "best": ("best_val", "best_checkpoint", "best epoch"),
        "last": ("final", "latest"),
        "val": ("validation", "valid", "dev"),
        "validation": ("val", "valid", "dev", "m_val"),
        "test": ("m_test", "held_out", "holdout"),
        "train": ("training", "train_only", "training rows", "train rows"),
        "all": ("everything", "full", "all rows", "full dataset"),
        "None": ("null", "false", "no"),
        "none": ("null", "false", "no"),
        "customer_id": ("customer", "df['customer_id']", "groups"),
        "customer": ("customer_id",),
        "5": ("5.0", "5-fold", "kfold(5)", "true"),
        "rest": ("remainder", "remaining"),
        "reuse": ("transform", "scaler.transform"),
        "refit": ("fit_transform",),
        "eval": ("eval()", "model.eval", "model.eval()", "evaluation", "inference"),
        "drop": ("dropped", "remove", "exclude"),
        "month": ("time", "temporal", "by month"),
        "content": ("true", "yes"),
        "rows": ("batch rows", "number of rows"),
    }
)
"""Words that the libraries, and people, use for a choice; lower-case. They count only where they mean one choice of a field."""


@lru_cache(maxsize=1024)
def artifact_named(text: str) -> ArtifactName | None:
    """The artifact of a file name: in any case, with or without a folder in front, ``.yml`` for ``.yaml``."""
    name = text.strip().strip("`'\"").replace("\\", "/").rpartition("/")[2].lower()
    name = re.sub(r"\.yml\Z", ".yaml", name)
    return next((one for one in ARTIFACT_NAMES if one == name), None)


def patch_meant(run: WrittenRun, patch: tuple[PatchEntry, ...]) -> tuple[PatchEntry, ...]:
    """A patch in the registry's words."""
    return tuple(entry_meant(run, entry) for entry in patch)


def entry_meant(run: WrittenRun, entry: PatchEntry) -> PatchEntry:
    """The entry in the registry's words; the entry as it is where they are not clear."""
    declaration = declaration_named(run, entry.file, entry.field)
    if declaration is None:
        return entry
    try:
        value = value_meant(run, declaration, entry.value)
    except ValueError:
        value = entry.value
    return PatchEntry(file=declaration.file, field=declaration.field, value=value)


def declaration_named(run: WrittenRun, file: str, field: str) -> Declaration | None:
    """The declaration of a file and a field: in any case, with or without the path in front of the last word."""
    artifact = artifact_named(file)
    path = _path(field)
    by_path = _declarations_by_path(run)
    exact = by_path.get(path, ())
    found = [one for one in exact if one.file == artifact] or exact
    if not found:
        suffix = f".{path}"
        found = [
            one for known, ones in by_path.items() if known.endswith(suffix) for one in ones if one.file == artifact
        ]
    return found[0] if len(found) == 1 else None


@lru_cache(maxsize=64)
def _declarations_by_path(run: WrittenRun) -> Mapping[str, Sequence[Declaration]]:
    found: dict[str, list[Declaration]] = {}
    for one in run.declarations:
        found.setdefault(_path(one.field), []).append(one)
    return found


@lru_cache(maxsize=4096)
def _path(field: str) -> str:
    """A path in lower case, with dots only and without the file's name in front."""
    path = re.sub(r"\[\s*([^\[\]]*?)\s*\]", r".\1", field.strip())
    path = re.sub(r"['\"`\s()]", "", path).replace("/", ".").replace("#", ".").replace(":", ".").lower()
    for name in ARTIFACT_NAMES:
        stem = name.rpartition(".")[0]
        for head in (f"{name}.", f"{stem}.yml.", f"{stem}."):
            path = path.removeprefix(head) if head not in ("train.",) else path
    return re.sub(r"\.{2,}", ".", path).strip(".")


def value_meant(run: WrittenRun, declaration: Declaration, value: object) -> FieldValue:
    """The value of a declaration that is meant; raises ``ValueError``."""
    try:
        return run.checked(declaration, value)
    except ValueError as error:
        meant = _meant(run, declaration, value)
        with suppress(ValueError):
            if meant is not _UNCLEAR:
                return run.checked(declaration, meant)
        raise error


_UNCLEAR = object()


def _meant(run: WrittenRun, declaration: Declaration, value: object) -> object:
    text = ("null" if value is None else str(value)).strip().strip("'\"`").strip()
    lowered = text.lower()
    if run.is_nullable(declaration) and lowered in ("null", "none", "~", ""):
        return None
    if run.is_number(declaration):
        return _number(text) if not isinstance(value, bool) else _UNCLEAR
    choices = run.choices(declaration)
    if True in choices:
        return _BOOLEANS.get(lowered, _UNCLEAR)
    for fits in (_is_written, _is_synonym):
        found = [one for one in choices if fits(lowered, one)]
        if found:
            return found[0] if len(found) == 1 else _UNCLEAR
    return _constant_named(run, declaration, text)


_BOOLEANS = {**dict.fromkeys(("true", "yes", "on", "1"), True), **dict.fromkeys(("false", "no", "off", "0"), False)}


def _number(text: str) -> object:
    percent = re.fullmatch(r"([\d.]+)\s*%", text)
    try:
        return float(percent[1]) / 100 if percent else float(text.replace("_", "").replace(",", ""))
    except ValueError:
        return _UNCLEAR


def _is_written(text: str, choice: FieldValue) -> bool:
    known = str(choice).lower()
    if text == known:
        return True
    try:
        return float(text) == float(known)
    except ValueError:
        return False


def _is_synonym(text: str, choice: FieldValue) -> bool:
    return text in SYNONYMS.get(str(choice), ())


def _constant_named(run: WrittenRun, declaration: Declaration, text: str) -> object:
    """The choice whose constant of preprocessing.py is named or printed: the seed for SEED, TOKENIZER_TRAIN for its version."""
    if not isinstance(run, SingleTableRun):
        return _UNCLEAR
    names, settings = SCHEMES[run.pipeline.style.names], run.pipeline.preprocessing
    known = {
        "train_test_split.random_state": {
            names["SEED"]: "SEED",
            str(run.pipeline.training.seed): "SEED",
            "seed": "SEED",
        },
        "tokenizer.version": {names["TOKENIZER_TRAIN"]: settings.tokenizer_train},
        "LabelEncoder.fit_order": {
            names["CLASSES"]: "training",
            f"sorted({names['CLASSES']})": "sorted",
            f"{names['CLASSES']}[::-1]": "reversed",
        },
        "feature_columns.order": {names["NUMERIC"]: "training", f"sorted({names['NUMERIC']})": "sorted"},
        "train_test_split.arrays": {names["rest"]: "rest", names["df"]: "df"},
        "evaluate.val_loader": {names["val"]: "val", names["test"]: "test"},
        "evaluate.test_loader": {names["val"]: "val", names["test"]: "test", names["train"]: "train"},
        **{
            field: {names["train"]: "train", names["everything"]: "all"}
            for field in ("StandardScaler.fit_transform", "TargetEncoder.fit", "SelectKBest.fit")
        },
        "metrics.val_accuracy": {names["m_val"]: "validation", names["m_test"]: "test"},
    }.get(declaration.field, {})
    lowered = {name.lower(): choice for name, choice in known.items()}
    return lowered.get(text.lower(), _UNCLEAR)
