"""How well fixes in plain words are read: rates over files of labelled diagnoses, without showing a text."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from domain.diagnosis import Diagnosis, PatchEntry
from domain.families import multi_source
from domain.faults import find_fault
from domain.fields.registry import find
from domain.generator import OF_SEVERAL_SOURCES, generate, scenario_seed
from domain.grade import Breakdown, Investigation
from domain.grader import grade, read_fix, verify_patch
from domain.grading import declarations
from domain.grading.free_text import fixes
from domain.grading.free_text.features import Candidate
from domain.grading.names import fields_by_registry
from domain.grading.written_run import run_of
from domain.scenario import Truth
from domain.training.multi_source.agreements import UNTIL
from domain.training.pipeline import draw_pipeline
from domain.training.randomness import Stream

SEEDS = 4
"""Scenarios of each fault that texts are written into."""
CREDITED, ACCEPTED = 0.20, 0.10
"""A right fix is credited with at least the one, a wrong one is accepted that earns more than the other."""
_LOOKED = Investigation(
    artifacts_read=("config.yaml", "train.log", "preprocessing.py"),
    checks_run=(),
    duplicate_reads=0,
    refused=0,
    steps=4,
)
_NUMBER = re.compile(r"(?<![\w.])(?:\d+(?:\.\d+)?|\.\d+)(?:e-?\d+)?")


@dataclass(frozen=True, eq=False)
class Entry:
    """One labelled diagnosis, written into a scenario of its fault."""

    author: str
    label: str
    """``right``, ``direction``, ``wrong`` or ``none``."""
    kind: str
    root: str
    is_field_right: bool
    text: str
    truth: Truth

    @cached_property
    def task_id(self) -> Any:
        return "hard" if declarations.is_declared(self.truth) else find_fault(self.truth.fault_id).task_id

    def named(self, root: str) -> frozenset[str]:
        """The fields that the root cause names."""
        return fields_by_registry(root, self.truth)


@cache
def truth_of(family: str, fault: str, number: int) -> Truth:
    """The truth of one of the scenarios that texts are written into."""
    if family == "multi_source":
        truth = multi_source.draw_truth("hard", scenario_seed("hard", number), fault=fault, split="train")
        assert isinstance(truth, Truth)
        return truth
    planted = find_fault(fault)
    seed = scenario_seed(planted.task_id, number)
    healthy = planted.twin(draw_pipeline(seed))
    *_, value = planted.severities(healthy, Stream(seed, f"fault/{fault}"))
    return planted.truth(healthy, value)


def slots(truth: Truth) -> dict[str, str]:
    """What the placeholders of a text stand for in a scenario."""
    (repair,) = truth.patch
    if not declarations.is_declared(truth):
        spec = find(repair.file, repair.field)
        section, name = str(spec.attribute).split(".")
        values = {"healthy": truth.twin[section][name], "faulty": truth.pipeline[section][name]}
        return {name: str(spec.from_pipeline(value)) for name, value in values.items()}
    state = declarations.state_of(truth)
    layout, parts = state.layout, repair.field.split(".")
    source = parts[1] if parts[0] == "sources" else layout.source_names[0]
    column = parts[3] if parts[2:3] == ["columns"] else parts[1] if parts[0] == "features" else layout.column_names[0]
    found = {
        "path": repair.field,
        "source": source,
        "column": column,
        "other": next(name for name in layout.source_names if name != source),
        "othercolumn": next(name for name in layout.column_names if name != column),
        "healthy": "null" if repair.value is None else str(repair.value),
        "faulty": "null" if state.declared[repair.field] is None else str(state.declared[repair.field]),
    }
    old, _, rest = str(repair.value).partition(UNTIL)
    since, _, new = rest.partition(" ")
    return found | ({"old": old, "new": new, "since": since} if since else {})


def digest_of(paths: Iterable[Path]) -> str:
    """A digest of all that weights are made of but code: labelled texts, and the words of the reader."""
    data = Path(fixes.__file__).parent
    files = [*sorted(paths, key=lambda path: path.stem), data / "language.json", data / "lexicon.json"]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def load(paths: Iterable[Path]) -> list[Entry]:
    """The entries of files, each in a scenario whose values its text fits."""
    found = []
    for path in paths:
        for place, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            body = json.loads(line)
            found.append(_entry(body, place) if "answer" in body else _of_scenario(body))
    return found


def _of_scenario(body: dict[str, Any]) -> Entry:
    """An entry whose text was written for one scenario."""
    task_id, split, fault = body["task_id"], body["split"], body["fault"]
    if task_id in OF_SEVERAL_SOURCES:
        # Of the task's own run, also where the task has ceased to plant the fault: hard can plant each.
        seed = scenario_seed(task_id, body["seed"], split)
        (truth,) = multi_source.draw_truth("hard", seed, fault=fault, split=split).planted
    else:
        (truth,) = generate(task_id, body["seed"], fault=fault, split=split).truth.planted
    return Entry(
        author=body.get("set", "g"), label="right" if body["right"] else "wrong", kind="" if body["right"] else body["kind"],
        root=body["field_named"], is_field_right=True, text=body["text"], truth=truth
    )  # fmt: skip


def _entry(body: dict[str, Any], place: int) -> Entry:
    answer, family = body["answer"], body.get("family", "single_table")
    text, root = answer.get("proposed_fix") or answer.get("diagnosis") or "", answer.get("root_cause_field") or ""
    fitting = []
    for step in range(SEEDS):
        truth = truth_of(family, body["fault"], (place + step) % SEEDS)
        try:
            written = text.format(**slots(truth)), root.format(**slots(truth))
        except KeyError:
            continue
        fitting.append((_fits(written[0], truth, body["fix"]), -step, truth, written))
    _, _, truth, (text, root) = max(fitting, key=lambda one: one[:2])
    return Entry(
        author=body["set"], label=body["fix"], kind=body.get("kind", ""), root=root, is_field_right=body["field_right"], text=text, truth=truth
    )  # fmt: skip


def _fits(text: str, truth: Truth, label: str) -> bool:
    """Whether a number or a version that a right text gives repairs this scenario."""
    if declarations.is_declared(truth) or label not in ("right", "direction"):
        return True
    if truth.fault_id == "tokenizer_version_drift" and re.search(r"\bv?[12]\b", text):
        found = re.findall(r"\bv[12]\b|version [12]", text)
        return not found or str(truth.patch[0].value)[-1] in {one[-1] for one in found}
    ranges = [(safe.low, safe.high) for safe in truth.safe if safe.low is not None and safe.high is not None]
    numbers = [float(one) for one in _NUMBER.findall(text)]
    return (
        not ranges
        or not numbers
        or any(low <= one <= high for low, high in ranges for one in (*numbers, *(x / 100 for x in numbers)))
    )


@cache
def _credit(key: tuple[str, int], patch: tuple[PatchEntry, ...]) -> float:
    return verify_patch(_TRUTHS[key], patch).credit


_TRUTHS: dict[tuple[str, int], Truth] = {}


def credit_of(truth: Truth, patch: tuple[PatchEntry, ...]) -> float:
    """The share of the fix points that a patch earns; runs of the same patch are not repeated."""
    key = (truth.fault_id, truth.pipeline["seed"])
    _TRUTHS[key] = truth
    return _credit(key, patch)


def is_repair(entry: Entry, candidate: Candidate) -> bool:
    """Whether what a candidate proposes repairs the run."""
    truth, (file, field) = entry.truth, candidate.target.declaration
    present = candidate.target.present
    if candidate.direction:
        wanted = [one.value for one in truth.patch if one.field == field]
        if not wanted or not isinstance(wanted[0], (int, float)) or not isinstance(present, (int, float)):
            return False
        return (candidate.direction == "down") == (wanted[0] < present)
    if field not in {*truth.accepted.fields, *(safe.field for safe in truth.safe)}:
        return False
    try:
        value = run_of(truth).checked(candidate.target.declaration, candidate.value)
    except ValueError:
        return False
    return credit_of(truth, (PatchEntry(file=file, field=field, value=value),)) >= 1


def awarded(entry: Entry, *, with_field: bool) -> float:
    """The points that the fix of an entry earns."""
    diagnosis = Diagnosis(
        root_cause_field=entry.root[:300] if with_field and entry.root else None, proposed_fix=entry.text[:600]
    )
    patch = read_fix(diagnosis, entry.truth).patch
    verdict = verify_patch(entry.truth, patch) if patch else None
    graded = grade(diagnosis, entry.truth, _LOOKED, verdict, task_id=entry.task_id)
    assert isinstance(graded.breakdown, Breakdown)
    return graded.breakdown.proposed_fix.awarded


def rates(entries: Sequence[Entry]) -> dict[str, str]:
    """How many right texts are credited and how many wrong ones accepted, with and without the named field, and by kind of wrong."""
    found: dict[str, list[bool]] = {}
    for entry in entries:
        for with_field in (True, False):
            if entry.label == "direction" or (with_field and not entry.is_field_right and entry.label == "right"):
                continue
            points = awarded(entry, with_field=with_field)
            where = "with the field" if with_field else "words only"
            if entry.label == "right":
                found.setdefault(f"right credited, {where}", []).append(points >= CREDITED)
                continue
            for name in ("wrong accepted", *((f"wrong accepted ({entry.kind})",) if entry.kind else ())):
                found.setdefault(f"{name}, {where}", []).append(points > ACCEPTED)
    return {name: f"{sum(hits)}/{len(hits)} = {sum(hits) / len(hits):.3f}" for name, hits in sorted(found.items())}
