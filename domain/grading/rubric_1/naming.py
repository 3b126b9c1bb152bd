"""Finds the file and the fields that a text names, in any spelling."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from domain.fields.field import FieldSpec
from domain.fields.registry import REGISTRY
from domain.training.artifacts.code.names import public_names
from domain.types import ARTIFACT_NAMES, ArtifactName

MASK = " # "


def to_words(text: str) -> str:
    """Lower-case words with single spaces and one at each end; camelCase, snake_case and punctuation come apart."""
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", text)
    text = re.sub(r"([A-Z])([A-Z][a-z])", r"\1 \2", text)
    words = " " + re.sub(r"[^a-z0-9]+", " ", text.lower()).strip() + " "
    words = re.sub(r"\b(token|standard|normal|initial|optim|regular)is(?=[ei])", r"\1iz", words)
    return re.sub(r"\b(?:version|release) (\d)\b", r"v\1", words)


@lru_cache(maxsize=512)
def file_named(text: str | None) -> ArtifactName | None:
    """The one artifact that a text names, by base name in any case; None: none, or more than one."""
    lowered = (text or "").lower()
    named = [name for name in ARTIFACT_NAMES if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", lowered)]
    return named[0] if len(named) == 1 else None


@cache
def _aliases() -> tuple[tuple[str, FieldSpec], ...]:
    """Every name of every field, longest first, so that a longer name is never read as a shorter one."""
    named = {
        (name, spec)
        for spec in REGISTRY
        for alias in (spec.field, *spec.aliases)
        for name in _in_every_scheme(to_words(alias))
    }
    return tuple(sorted(named, key=lambda pair: (-len(pair[0]), pair[0], pair[1].field)))


_CODE_NAMES = tuple(
    tuple(to_words(name) for name in public_names(canonical))
    for canonical in (
        "TOKENIZER_TRAIN", "TOKENIZER_EVAL", "EVAL_UNIT", "make_split", "encode_labels", "train_labels", "eval_labels",
        "eval_features", "make_loaders", "run_evaluation",
    )
)  # fmt: skip
"""Names of preprocessing.py that stand in names of fields, the canonical one first."""


def _in_every_scheme(words: str) -> set[str]:
    """The words, and the same with the names that other naming schemes of preprocessing.py use."""
    found = {words}
    for canonical, *others in _CODE_NAMES:
        if canonical in words:
            found |= {words.replace(canonical, other) for other in others}
    return found


_TOKENIZER_VERSIONS = frozenset({"tokenizer.version", "tokenizer.train_version"})
"""A text that names both constants means that the evaluation's differs from the training's."""


@cache
def _fallback_names() -> tuple[tuple[str, FieldSpec], ...]:
    """Functions of preprocessing.py that stand for one field where nothing closer is named."""
    return tuple(
        (name, spec)
        for spec in REGISTRY
        for place in spec.fallback_names
        for name in sorted(_in_every_scheme(to_words(place)))
    )


@lru_cache(maxsize=1024)
def fields_named(text: str | None) -> tuple[FieldSpec, ...]:
    """The fields a text names that can be set, in registry order. Measured fields only take their words away."""
    return settable_fields(to_words(_without_files(text or "")))


def settable_fields(words: str, subject: FieldSpec | None = None) -> tuple[FieldSpec, ...]:
    """As `fields_named`, from words. Where the `subject` is known, a function that is named stands for nothing else."""
    named, left = mask_fields(words, subject)
    found = tuple(spec for spec in REGISTRY if spec in named and spec.attribute is not None)
    if len(found) == 2 and {spec.field for spec in found} == _TOKENIZER_VERSIONS:
        return tuple(spec for spec in found if spec.field == "tokenizer.version")
    if found or subject is not None:
        return found
    return tuple(spec for place, spec in _fallback_names() if place in left)[:1]


_IGNORED_STEPS = (" imputer transform ",)
"""Steps that stand in another step's line of code and name no field there."""


@cache
def _object_names() -> frozenset[tuple[str, FieldSpec]]:
    """Names of an object that has several fields, such as "scaler": any of the object's fields can be meant."""
    return frozenset(
        (alias, spec)
        for alias, spec in _aliases()
        if any(alias in other and _object(twin) == _object(spec) and twin != spec for other, twin in _aliases())
    )


def _object(spec: FieldSpec) -> str:
    return spec.field.split(".")[0]


@lru_cache(maxsize=4096)
def mask_fields(words: str, subject: FieldSpec | None = None) -> tuple[frozenset[FieldSpec], str]:
    """The fields named in `words` (see `to_words`) and the words that are left.

    The bare name of the object that the `subject` belongs to means the subject.
    """
    for step in _IGNORED_STEPS:
        words = words.replace(step, " ")
    named: set[FieldSpec] = set()
    for alias, spec in _aliases():
        if alias in words:
            is_own = subject is not None and _object(spec) == _object(subject) and (alias, spec) in _object_names()
            named.add(subject if subject is not None and is_own else spec)
            words = words.replace(alias, MASK)
    return frozenset(named), words


def _without_files(text: str) -> str:
    for name in ARTIFACT_NAMES:
        text = re.sub(re.escape(name), " ", text, flags=re.IGNORECASE)
    return text
