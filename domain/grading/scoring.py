"""Grades a diagnosis against the planted fault. Deterministic: the same diagnosis, truth and investigation, the same grade.

`verify_patch` is slow, since it may run the training again; `grade` is cheap and is given what that showed.
"""

from __future__ import annotations

from domain.diagnosis import Diagnosis, PatchEntry
from domain.fields.field import ValueOutsideFieldError
from domain.fields.registry import UnknownFieldError, find
from domain.grade import (
    CONTRADICTING,
    CONTRADICTING_WORDS,
    FEW_READS,
    UNREAD_PART,
    VERDICT_TEXT,
    Breakdown,
    FixPart,
    Grade,
    Investigation,
    Part,
    PatchVerdict,
    Penalty,
    brier_of,
    penalty_reason,
    with_share,
)
from domain.grading import declarations
from domain.grading.names import Named, file_named, named_in
from domain.grading.reading import Reading, read_fix, words_contradict
from domain.grading.rubric_1 import naming
from domain.rubric import RUBRIC, Rubric
from domain.scenario import SafeField, Truth
from domain.training import checks
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.simulator import draw_holdout, draw_raw, holdout_accuracy, simulate
from domain.types import ArtifactName, TaskId

ACCURACY_TOLERANCE = 0.04
"""How far below the twin's accuracy on fresh rows a repaired run may lie, at least; else two standard errors."""


MAX_COST_RATIO = 10.0
"""How many times the work of the twin's training a patched run may take: judging must not cost the server much."""


class MissingVerdictError(ValueError):
    """A fix that proposes a patch was graded without the patch having been verified."""


def verify_patch(truth: Truth, patch: tuple[PatchEntry, ...], *, rubric: Rubric = RUBRIC) -> PatchVerdict:
    """Judge a patch: the faulty field must change, and the run must be repaired.

    Repaired means: the pipeline of the twin, or, run again, no reason raised that the twin does not raise and no lower
    accuracy on fresh rows of the same data set. Where the fault rests on one exact value, only that one repairs. Under the
    first rubric a value in the declared safe range repairs, too, and exact values are run again like others.
    """
    if declarations.is_declared(truth):
        return declarations.verify_patch(truth, patch, rubric=rubric)
    faulty, twin = Pipeline.from_json(truth.pipeline), Pipeline.from_json(truth.twin)
    try:
        changes = changed_values(patch)
    except (UnknownFieldError, ValueOutsideFieldError, ContradictionError) as error:
        return PatchVerdict(credit=0.0, explanation=f"{error}.")
    causes = {find(safe.file, safe.field).attribute for safe in truth.safe}
    touched = {name for name in changes if name in causes and changes[name] != faulty.value(name)}
    if not touched:
        return PatchVerdict(credit=0.0, explanation=VERDICT_TEXT["unchanged"])
    patched = faulty
    for name, value in changes.items():
        patched = patched.with_value(name, value)
    credit = 1.0 if set(changes) == touched else rubric.unneeded_entry_share
    if patched == twin:
        return PatchVerdict(credit=credit, explanation=VERDICT_TEXT["twin"])
    if not rubric.reads_meaning:
        if set(changes) == touched and all(_is_safe(truth.safe, name, changes[name]) for name in touched):
            return PatchVerdict(credit=credit, explanation=VERDICT_TEXT["safe"])
    elif not _exact_values_are_met(truth.safe, changes):
        return PatchVerdict(credit=0.0, explanation=VERDICT_TEXT["exact"])
    times = training_cost(patched) / training_cost(twin)
    if times > MAX_COST_RATIO:
        text = f"The patched run would take {times:.0f} times the work of the one without the fault: not run."
        return PatchVerdict(credit=0.0, explanation=text)
    return _rerun(patched, twin, credit)


def training_cost(pipeline: Pipeline) -> float:
    """Cost of a training, in arbitrary units: a step has a fixed price, a row one that grows with the hidden layer."""
    training = pipeline.training
    rows = pipeline.dataset.customers * pipeline.dataset.rows_per_customer
    return training.epochs * (rows / min(training.batch_size, rows) + rows * (16 + pipeline.model.hidden_units) / 4000)


class ContradictionError(ValueError):
    """Two entries of a patch set the same thing to different values."""

    def __init__(self, field: str) -> None:
        super().__init__(f"the entries give {field} two different values")
        self.field = field


def changed_values(patch: tuple[PatchEntry, ...]) -> dict[str, FieldValue]:
    """Pipeline path to new value."""
    changes: dict[str, FieldValue] = {}
    for entry in patch:
        spec = find(entry.file, entry.field)
        if spec.attribute is None:
            raise UnknownFieldError(entry.file, entry.field)
        value = spec.to_pipeline(entry.value)
        if changes.setdefault(spec.attribute, value) != value:
            raise ContradictionError(entry.field)
    return changes


def _exact_values_are_met(safe: tuple[SafeField, ...], changes: dict[str, FieldValue]) -> bool:
    """Whether every field on whose exact value the fault rests has it where it is changed. A re-run could not tell."""
    inexact = {find(known.file, known.field).attribute for known in safe if not known.is_exact}
    exact = {find(known.file, known.field).attribute for known in safe} - inexact
    return all(_is_safe(safe, name, value) for name, value in changes.items() if name in exact)


def _is_safe(safe: tuple[SafeField, ...], attribute: str, value: FieldValue) -> bool:
    for known in safe:
        spec = find(known.file, known.field)
        if spec.attribute != attribute:
            continue
        if known.low is not None and known.high is not None:
            if isinstance(value, (int, float)) and not isinstance(value, bool) and known.low <= value <= known.high:
                return True
        elif spec.from_pipeline(value) in known.choices:
            return True
    return False


def _rerun(patched: Pipeline, twin: Pipeline, credit: float) -> PatchVerdict:
    raw, fresh = draw_raw(twin), draw_holdout(twin)
    run, healthy = simulate(patched, raw=raw), simulate(twin, raw=raw)
    reasons = checks.clearly_unusual(run) - checks.clearly_unusual(healthy)
    patched_accuracy, twin_accuracy = holdout_accuracy(run, fresh), holdout_accuracy(healthy, fresh)
    drops = []
    for name, accuracy, expected in (
        ("validation", patched_accuracy.val, twin_accuracy.val),
        ("test", patched_accuracy.test, twin_accuracy.test),
    ):
        error = 2.0 * (expected * (1.0 - expected) / twin_accuracy.rows) ** 0.5
        if not accuracy >= expected - max(ACCURACY_TOLERANCE, error):
            drops.append(f"{name} accuracy on fresh rows is {accuracy:.3f}, {expected:.3f} without the fault")
    faults = [f"{name} ({check}) is still unusual" for check, name in sorted(reasons)] + drops
    if faults:
        return PatchVerdict(credit=0.0, explanation=f"Run again with the patch: {'; '.join(faults)}.")
    return PatchVerdict(
        credit=credit,
        explanation=f"Run again with the patch: accuracy on fresh rows is {patched_accuracy.test:.3f}, "
        f"{twin_accuracy.test:.3f} without the fault, and no check is unusual.",
    )


def grade(
    diagnosis: Diagnosis,
    truth: Truth,
    investigation: Investigation,
    verdict: PatchVerdict | None,
    *,
    task_id: TaskId,
    rubric: Rubric = RUBRIC,
) -> Grade:
    """Grade a diagnosis.

    Args:
        diagnosis: what was submitted.
        truth: the planted fault.
        investigation: what had been looked at.
        verdict: of `verify_patch` on the patch of `read_fix`; None when that patch is empty.
        task_id: decides whether a low score is lowered further.
        rubric: what each part is worth.

    Raises:
        MissingVerdictError: there is a patch to judge and no verdict.
    """
    accepted = truth.accepted
    category = _part(rubric.category_points, diagnosis.failure_category in accepted.categories)
    file = _part(rubric.file_points, _file_named(diagnosis.root_cause_file, rubric) in accepted.files)
    named, reading = _named(diagnosis.root_cause_field, truth, rubric), read_fix(diagnosis, truth, rubric)
    field = _field_part(named, reading, accepted.fields, rubric)
    fix = _fix_part(diagnosis, truth, verdict, rubric, named, reading, field_counts=field.awarded > 0)
    penalties = []
    total = category.awarded + file.awarded + field.awarded + fix.awarded
    if len(investigation.artifacts_read) < rubric.few_reads_below:
        penalties.append(Penalty(reason=penalty_reason(FEW_READS, rubric), amount=-rubric.few_reads_penalty))
        total -= rubric.few_reads_penalty
    if task_id in rubric.low_score_tasks and total < rubric.low_score_threshold - 1e-9:
        missing = rubric.low_score_share * (rubric.low_score_threshold - total)
        penalties.append(Penalty(reason=penalty_reason(task_id, rubric), amount=-round(missing, 4)))
        total -= missing
    breakdown = Breakdown(
        failure_category=category,
        root_cause_file=file,
        root_cause_field=field,
        proposed_fix=fix,
        penalties=tuple(penalties),
    )
    return Grade(
        rubric_version=rubric.version,
        score=as_score(total, rubric),
        brier=brier_of([diagnosis.confidence], [breakdown.is_right]),
        breakdown=breakdown,
        credits=(_credit(reading, verdict),),
    )


def as_score(total: float, rubric: Rubric) -> float:
    """Points within what scores can be, four decimals."""
    return round(min(rubric.highest_score, max(rubric.lowest_score, total)), 4)


def credit_of(
    diagnosis: Diagnosis, truth: Truth, verdict: PatchVerdict | None, rubric: Rubric = RUBRIC
) -> float | None:
    """Share of the fix points that a patch earned; None: no patch was proposed."""
    return _credit(read_fix(diagnosis, truth, rubric), verdict)


def _credit(reading: Reading, verdict: PatchVerdict | None) -> float | None:
    return verdict.credit if verdict is not None and reading.patch else None


def _part(points: float, is_right: bool) -> Part:
    return Part(awarded=points if is_right else 0.0, possible=points)


def _file_named(text: str | None, rubric: Rubric) -> ArtifactName | None:
    return file_named(text) if rubric.reads_meaning else naming.file_named(text)


def _named(text: str | None, truth: Truth, rubric: Rubric) -> Named:
    """The fields of the run that a text names."""
    if rubric.reads_meaning:
        return named_in(text, truth, frozenset(truth.accepted.fields))
    if declarations.is_declared(truth):
        return Named(declarations.paths_named(declarations.state_of(truth), text))
    return Named(frozenset(spec.field for spec in naming.fields_named(text)))


def _field_part(named: Named, reading: Reading, accepted: tuple[str, ...], rubric: Rubric) -> Part:
    """Full for the right field alone, less beside one other, nothing in a list: guessing k fields never pays."""
    others = len(named.fields - set(accepted))
    if len(named.fields) > others:
        share = 0.0 if others > 1 else rubric.one_extra_field_share if others else 1.0
    elif named.standing & set(accepted):
        share = 1.0
    else:
        share = 1.0 if _is_meant(named, reading, accepted, rubric) else 0.0
    return Part(awarded=round(rubric.field_points * share, 4), possible=rubric.field_points)


def _is_meant(named: Named, reading: Reading, accepted: tuple[str, ...], rubric: Rubric) -> bool:
    """Whether a text that names no field can only mean the one that the fix changes."""
    if not rubric.reads_meaning or named.is_blank or not reading.fields or not reading.fields <= set(accepted):
        return False
    return bool(named.around & set(accepted)) if named.fields or named.standing else True


def _fix_part(
    diagnosis: Diagnosis,
    truth: Truth,
    verdict: PatchVerdict | None,
    rubric: Rubric,
    named: Named,
    reading: Reading,
    *,
    field_counts: bool,
) -> FixPart:
    points = rubric.fix_points
    if reading.patch:
        if verdict is None:
            raise MissingVerdictError("the fix proposes a patch: verify it first")
        awarded, text = points * verdict.credit, verdict.explanation
        if awarded and words_contradict(diagnosis, reading, truth, rubric) and rubric.contradicting_words_share < 1:
            awarded *= rubric.contradicting_words_share
            text += with_share(CONTRADICTING_WORDS, rubric.contradicting_words_share)
    else:
        awarded, text = _grade_direction_only(reading, truth, rubric)
    if awarded and (named.fields or named.standing) and not field_counts:
        awarded *= rubric.contradicting_fix_share
        text += with_share(CONTRADICTING, rubric.contradicting_fix_share)
    if reading.patch and reading.problems:
        awarded = min(awarded, points * rubric.unneeded_entry_share)
        text += f"{UNREAD_PART} {'; '.join(reading.problems)}."
    return FixPart(awarded=round(awarded, 4), possible=points, read_as=reading.patch, verdict=text)


def _grade_direction_only(reading: Reading, truth: Truth, rubric: Rubric) -> tuple[float, str]:
    """Points for a fix of which only field and direction could be read."""
    if not reading.direction_hints:
        problems = "; ".join(reading.problems)
        return 0.0, f"The edits could not be read: {problems}." if problems else VERDICT_TEXT["unread"]
    if len(reading.direction_hints) > 1:
        return 0.0, VERDICT_TEXT["several"]
    ((spec, direction),) = reading.direction_hints
    wanted = _direction_to_twin(spec.file, spec.field, truth)
    if wanted is None:
        return 0.0, VERDICT_TEXT["unchanged"]
    if wanted != direction:
        return 0.0, f"{spec.field} would have to go {wanted}."
    return rubric.direction_only_fix_points, f"{spec.field} has to go {direction}; no value could be read."


def _direction_to_twin(file: ArtifactName, field: str, truth: Truth) -> str | None:
    """Where the cause has to go; None: the field is not the cause."""
    if not truth.safe or (file, field) != (truth.safe[0].file, truth.safe[0].field):
        return None
    if declarations.is_declared(truth):
        now, then = declarations.state_of(truth).declared[field], truth.patch[0].value
    else:
        attribute = str(find(file, field).attribute)
        now = Pipeline.from_json(truth.pipeline).value(attribute)
        then = Pipeline.from_json(truth.twin).value(attribute)
    if not isinstance(now, (int, float)) or not isinstance(then, (int, float)):
        return None
    return "down" if then < now else "up"


__all__ = ["MissingVerdictError", "as_score", "credit_of", "grade", "read_fix", "verify_patch"]
