"""Messages and authors of commits: what was changed, never whether that was right."""

from __future__ import annotations

from typing import Mapping

from domain.training.multi_source.artifacts.style import Style
from domain.training.pipeline import FieldValue
from domain.training.style import SeedSplit

AUTHORS: Mapping[SeedSplit, tuple[str, ...]] = {
    "train": ("Ines Okafor", "Tomas Lind", "Mira Sato", "Jonas Weber", "Ada Kovacs", "Luis Prado"),
    "validation": ("Noor Haddad", "Emil Strand", "Rosa Vidal", "Kofi Mensah"),
    "test": ("Hana Novak", "Peter Quist", "Lena Ortiz", "Samir Joshi"),
}
_MESSAGES: Mapping[str, tuple[str, ...]] = {
    "unit": (
        "Update the unit of {column} at {source}",
        "{source}: declare {column} as {value}",
        "Revise the unit of {column}, {source}",
        "{source} reports {column} in {value}",
        "{column}: {value} at {source}, see their mail",
    ),
    "missing_code": (
        "Update the missing code of {column} at {source}",
        "{source}: {column} uses {value} for missing",
        "Revise empty values of {column}, {source}",
        "{source} marks missing {column} with {value}",
        "Empty {column} at {source}: {value}",
    ),
    "column.used_until": (
        "Update the last month of {column} at {source}",
        "{source}: {column} used until {value}",
        "Set the end of {column} for {source}",
        "{column} of {source}: read until {value}",
        "Talked to {source} about {column}, new end date",
    ),
    "label_map": (
        "Update the label map of {source}",
        "{source}: read labels with {value}",
        "Switch the label codes of {source}",
        "{source} numbers its classes as in {value}",
        "Labels of {source}: {value} instead of the old map",
    ),
    "used_until": (
        "Update the last month of {source}",
        "{source}: used until {value}",
        "Set the end of {source}",
        "{source}: rows are read until {value}",
        "New end date for the rows of {source}",
    ),
    "snapshot": (
        "Update the snapshot of {source}",
        "{source}: take the snapshot of {value}",
        "Point {source} to another snapshot",
        "{source} has a snapshot of {value}",
        "Take the other export of {source}",
    ),
    "date_format": (
        "Update the date format of {source}",
        "{source}: dates are {value}",
        "Change how the dates of {source} are read",
        "{source} writes {value}",
        "Parse dates of {source} as {value}",
    ),
    "deduplicate": (
        "Update the deduplication of {source}",
        "{source}: deduplicate by {value}",
        "Revisit repeated rows of {source}",
        "Repeated rows of {source}: {value}",
        "{source}: other handling of rows that come twice",
    ),
    "majority_kept": (
        "Update the kept share at {source}",
        "{source}: {value} of the majority kept",
        "Adjust the thinning of {source}",
        "{source} sends {value} of its largest class",
        "Weights of {source} for a kept share of {value}",
    ),
    "tokenizer": (
        "Update the tokenizer of {source}",
        "{source}: texts use {value}",
        "Change the tokenizer for {source}",
        "{source} moved to tokenizer {value}",
        "Texts of {source}: tokenizer {value}",
    ),
    "join.keys": (
        "Update the keys of the join",
        "Join on {value}",
        "Rework how the second table is matched",
        "Second table: match on {value}",
        "Join keys are {value} now",
    ),
    "join.how": (
        "Update the kind of join",
        "Make the join {value}",
        "Rework which rows the join keeps",
        "Join of the second table: {value}",
        "Second table: {value} join",
    ),
    "labels.maturity_months": (
        "Update the maturity of labels",
        "Wait {value} months for labels",
        "Revise when labels count as complete",
        "Labels: {value} months until they are final",
        "Use labels after {value} months",
    ),
    "as_of": (
        "Update the timestamp of {column}",
        "Take {column} as of {value}",
        "Change when {column} is taken",
        "{column}: value at the {value}",
        "Read {column} at the {value}",
    ),
    "split.by": (
        "Update the split",
        "Split by {value}",
        "Rework the split",
        "Try a split by {value}",
        "Split: {value}",
    ),
    "split.groups": (
        "Update the groups of the split",
        "Split with groups {value}",
        "Rework what is kept together in the split",
        "Split: groups {value}",
        "Grouping of the split is {value}",
    ),
    "imputer.fill": (
        "Update the imputer",
        "Fill empty cells with {value}",
        "Rework empty cells",
        "Imputer: {value}",
        "Use {value} where a cell is empty",
    ),
    "evaluation.label_order": (
        "Update the order of test labels",
        "Read test labels in order {value}",
        "Update reading of the test labels",
        "Test labels come in order {value}",
        "Label file of the test: order {value}",
    ),
    "evaluation.validation_ids": (
        "Update the ids of the validation rows",
        "Validate on list {value}",
        "Update the lists of ids",
        "Ids for validation: list {value}",
        "Evaluation: list {value} is validation",
    ),
    "evaluation.sources": (
        "Update the sources of the test",
        "Test on {value}",
        "Update what the test covers",
        "Evaluation covers {value}",
        "Score the test on {value}",
    ),
    "loader.shuffle": (
        "Update the order of batches",
        "Loader: shuffle {value}",
        "Rework how batches are drawn",
        "Turn shuffling {value}",
        "Batches: shuffling {value}",
    ),
    "class_weights.order": (
        "Update the order of class counts",
        "Class counts in order {value}",
        "Update reading of the class counts",
        "class_counts.csv: order {value}",
        "Counts file lists classes in order {value}",
    ),
    "loss.divide_by": (
        "Update the mean of the loss",
        "Divide the loss by {value}",
        "Rework the mean of the loss",
        "Loss: mean over {value}",
        "Normalise the loss by {value}",
    ),
    "environment.tabular": (
        "Update the pin of tabular",
        "Pin tabular {value}",
        "Move tabular to {value}",
        "Bump tabular to {value}",
        "tabular {value}",
    ),
    "environment.textkit": (
        "Update the pin of textkit",
        "Pin textkit {value}",
        "Move textkit to {value}",
        "Bump textkit to {value}",
        "textkit {value}",
    ),
    "training.seed": ("New seed", "New seed for this run", "Seed for the next run", "Another seed", "Weekly run: seed"),
}
_OTHER = ("Set the {name}", "Set {name} to {value}", "Tune the {name}", "{name}: {value}", "Try {name} {value}")
_REMARKS = (
    "Talked it over with {other}.",
    "Reviewed-by: {other}",
    "Asked for in the weekly meeting.",
    "Split off from a larger branch.",
    "Comes with the next run.",
    "Picked up from {other}, who is away this week.",
    "Took longer than it should have.",
    "No other file is concerned.",
)
"""Of no change in particular."""


def remark(number: int, other: str) -> str:
    """What stands below a commit's message; of half of them nothing. ``other``: a colleague."""
    return _REMARKS[number // 2 % len(_REMARKS)].format(other=other) if number % 2 else ""


def message(path: str, place: tuple[str, str], value: FieldValue, number: int, style: Style) -> str:
    """A commit's message.

    Args:
        path: the changed declaration.
        place: its source and column, empty where it has none.
        value: after the change.
        number: chooses the wording.
    """
    source, column = place
    last = path.rpartition(".")[2]
    if path.startswith("features.") and last == "as_of":
        column = path.split(".")[1]
    name = "column.used_until" if column and last == "used_until" else last if source or last == "as_of" else path
    wordings = _MESSAGES.get(name, _OTHER)
    nothing = {"missing_code": "no code", "used_until": "further notice"}
    shown = {None: nothing.get(last, "null"), True: "on", False: "off"}
    text = wordings[number % len(wordings)].format(
        source=source,
        column=column,
        name=last.replace("_", " "),
        value=shown[value] if value is None or isinstance(value, bool) else value,
    )
    match style["diff.message"]:
        case "lower":
            return text[0].lower() + text[1:]
        case "scope":
            return f"{_scope(path)}: {text[0].lower() + text[1:]}"
        case "ticket":
            return f"[ML-{100 + number % 800}] {text}"
        case "stop":
            return f"{text}."
    return text


def _scope(path: str) -> str:
    return {"sources": "data", "join": "data", "labels": "data", "features": "features"}.get(
        path.split(".")[0], "model"
    )
