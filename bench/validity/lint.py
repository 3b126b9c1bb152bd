"""A hand-written reader of diffs: names what a reviewer would frown at first, without a look at the data."""

from __future__ import annotations

from bench.validity.episodes import Episode
from bench.validity.features import pattern_of
from domain.diagnosis import Diagnosis, PatchEntry
from domain.training.multi_source.registry import file_of
from domain.training.pipeline import FieldValue
from domain.training.randomness import Stream

RISKY: tuple[tuple[str, FieldValue, str], ...] = (
    ("split.groups", "none", "data_leakage"),
    ("features.{column}.as_of", "export", "data_leakage"),
    ("split.by", "random", "data_leakage"),
    ("sources.{source}.deduplicate", "none", "data_leakage"),
    ("join.keys", "id", "data_leakage"),
    ("join.how", "inner", "preprocessing_bug"),
    ("imputer.fill", -999, "preprocessing_bug"),
    ("loader.shuffle", False, "config_error"),
    ("labels.maturity_months", 0, "label_mismatch"),
    ("loss.divide_by", "capacity", "architecture_bug"),
    ("environment.tabular", "2.4", "config_error"),
    ("environment.textkit", "1.9", "config_error"),
)
"""Values that a reviewer would ask about, the worst first, with the category of the failure."""
CATEGORIES = {
    "label_map": "label_mismatch",
    "used_until": "label_mismatch",
    "label_order": "label_mismatch",
    "order": "label_mismatch",
    "maturity_months": "label_mismatch",
    "validation_ids": "evaluation_bug",
    "sources": "evaluation_bug",
}
"""Last part of a path to a category; of all others `preprocessing_bug`."""


def riskiest_change(episode: Episode) -> list[Diagnosis]:
    """Takes back the worst change of the diff, else its first."""
    changed = episode.declarations.changed
    for pattern, value, category in RISKY:
        for path in changed:
            if pattern_of(path) == pattern and episode.declarations.now[path] == value:
                return [_taken_back(path, category, episode)]
    return first_change(episode)


def first_change(episode: Episode) -> list[Diagnosis]:
    """Takes back the first change of the diff."""
    return [_of(next(iter(episode.declarations.changed)), episode)]


def any_change(episode: Episode) -> list[Diagnosis]:
    """Takes back one of the changes, drawn."""
    return [_of(Stream(episode.seed, "lint").choice(tuple(episode.declarations.changed)), episode)]


def _of(path: str, episode: Episode) -> Diagnosis:
    known = {pattern: category for pattern, _, category in RISKY}
    usual = CATEGORIES.get(path.rpartition(".")[2], "preprocessing_bug")
    return _taken_back(path, known.get(pattern_of(path), usual), episode)


def _taken_back(path: str, category: str, episode: Episode) -> Diagnosis:
    file = file_of(path)
    entry = PatchEntry(file=file, field=path, value=episode.declarations.changed[path])
    return Diagnosis.model_validate(
        {"failure_category": category, "root_cause_file": file, "root_cause_field": path, "patch": (entry,)}
    )


LINTS = {"riskiest change": riskiest_change, "first change": first_change, "any change": any_change}
"""Name to reader."""
