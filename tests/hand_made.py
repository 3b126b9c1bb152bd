"""A scenario written by hand and a simulation that serves it: fast, and independent of generator and grader."""

from __future__ import annotations

from typing import Any, Sequence

from domain.diagnosis import Diagnosis, PatchEntry
from domain.experiment import (
    ExperimentMetrics,
    ExperimentOutcome,
    ExperimentRejection,
    ExperimentResult,
    SplitMetrics,
)
from domain.generator import HEALTHY, TWIN_OF
from domain.grade import Breakdown, FixPart, Grade, Investigation, Part, PatchVerdict
from domain.grading.matching import Verdicts
from domain.rubric import RUBRIC, Rubric
from domain.scenario import Accepted, CheckResult, Evidence, RunSummary, SafeField, Scenario, Truth
from domain.types import SANITY_CHECK_NAMES, ArtifactName, SplitName, TaskId

CONFIG = """\
run_id: run-0a1b2c3d
optimizer:
  name: sgd
  learning_rate: 1e-05
  momentum: 0.9
  schedule: null
training:
  shuffle: true
  milestones: [5, 8]
  started: 2024-01-01
"""
LOG = """\
[INFO] run-0a1b2c3d start
[EPOCH 01] train_loss=1.2 val_acc=0.5
[EPOCH 02] train_loss=0.8 val_acc=0.6
[EPOCH 10] train_loss=0.4 val_acc=0.7
[WARN] slow disk
"""
CODE = """\
scaler = StandardScaler().fit(everything)
train = scaler.transform(train)
"""
TEXTS: dict[ArtifactName, str] = {
    "config.yaml": CONFIG,
    "train.log": LOG,
    "dataset_stats.json": '{"rows": 690, "features": [{"name": "age", "mean": 1.5}], "a.b": {"c": 4}, "gap": null}',
    "preprocessing.py": CODE,
    "eval_results.json": '{"metrics": {"val_accuracy": 0.9, "test_accuracy": 0.7}}',
    "model_card.json": '{"name": "tickets", "notes": "größer"}',
}
REPAIR = PatchEntry(file="preprocessing.py", field="StandardScaler.fit_transform", value="train")


def hand_made_scenario(task_id: TaskId = "medium", seed: int = 7) -> Scenario:
    """The same run for every task and seed, but for its run id."""
    checks = {
        name: CheckResult(check=name, flag=name == "data_leakage", reasons=(), measured={"share": 0.25, "worst": None})
        for name in SANITY_CHECK_NAMES
    }
    run_id = f"run-{seed:08x}"[:12]
    texts = {name: text.replace("run-0a1b2c3d", run_id) for name, text in TEXTS.items()}
    truth = Truth(
        fault_id="data_leakage_scaler",
        failure_category="data_leakage",
        root_cause_file="preprocessing.py",
        root_cause_field="StandardScaler.fit_transform",
        proposed_fix="Fit the scaler on the training rows only.",
        patch=(REPAIR,),
        accepted=Accepted(
            files=("preprocessing.py",), categories=("data_leakage",), fields=("StandardScaler.fit_transform",)
        ),
        safe=(SafeField(file="preprocessing.py", field="StandardScaler.fit_transform", choices=("train",)),),
        pipeline={"scaler": "all"},
        twin={"scaler": "train"},
    )
    return Scenario(
        generator_version="hand-made",
        task_id=task_id,
        seed=seed,
        evidence=Evidence(
            run_id=run_id,
            run_summary=RunSummary(model="mlp", dataset="support-tickets", status="finished"),
            artifacts=texts,
            checks=checks,
        ),
        truth=truth,
    )


def hand_made_grade(diagnosis: Diagnosis, truth: Truth, verdict: PatchVerdict | None) -> Grade:
    """Points for what is right, without the finer rules."""
    category = RUBRIC.category_points if diagnosis.failure_category in truth.accepted.categories else 0.0
    file = RUBRIC.file_points if diagnosis.root_cause_file in truth.accepted.files else 0.0
    field = RUBRIC.field_points if diagnosis.root_cause_field in truth.accepted.fields else 0.0
    fix = RUBRIC.fix_points * (verdict.credit if verdict is not None else 0.0)
    is_right = category > 0 and file > 0 and field > 0
    total = category + file + field + fix
    return Grade(
        rubric_version=RUBRIC.version,
        score=round(min(max(total, RUBRIC.lowest_score), RUBRIC.highest_score), 4),
        brier=None if diagnosis.confidence is None else round((diagnosis.confidence - is_right) ** 2, 4),
        breakdown=Breakdown(
            failure_category=Part(awarded=category, possible=RUBRIC.category_points),
            root_cause_file=Part(awarded=file, possible=RUBRIC.file_points),
            root_cause_field=Part(awarded=field, possible=RUBRIC.field_points),
            proposed_fix=FixPart(
                awarded=fix,
                possible=RUBRIC.fix_points,
                read_as=diagnosis.patch or (),
                verdict=verdict.explanation if verdict is not None else "by hand",
            ),
            penalties=(),
        ),
        credits=(verdict.credit if verdict is not None else None,),
    )


def hand_made_experiment(patch: tuple[PatchEntry, ...], number: int) -> ExperimentResult:
    """A result that differs from experiment to experiment, as training seeds make real ones do."""
    return ExperimentResult(
        number=number,
        patch=patch,
        status="finished",
        log_tail=(f"[EPOCH 10] train_loss=0.4 val_acc=0.7{number}",),
        metrics=ExperimentMetrics(
            train=SplitMetrics(accuracy=0.8, loss=0.5),
            validation=SplitMetrics(accuracy=0.7 + number / 100, loss=None),
            by_source={},
        ),
    )


def _healthy(scenario: Scenario) -> Scenario:
    """The twin: the line of the fault is mended, and the run went better for it."""
    texts = dict(scenario.evidence.artifacts)
    texts["preprocessing.py"] = texts["preprocessing.py"].replace("everything", "train")
    texts["train.log"] = texts["train.log"].replace("val_acc=0.7", "val_acc=0.8")
    return scenario.model_copy(update={"evidence": scenario.evidence.model_copy(update={"artifacts": texts})})


class HandMadeSimulation:
    """Counts what it is asked for."""

    def __init__(self, *, generator_version: str = "hand-made") -> None:
        self._generator_version = generator_version
        self.generated: list[tuple[TaskId, int]] = []
        self.verified = 0
        self.experiments = 0

    @property
    def generator_version(self) -> str:
        return self._generator_version

    def registry(self, family: str) -> list[dict[str, Any]]:
        return [{"file": REPAIR.file, "field": REPAIR.field, "type": "choice", "choices": ["train", "all"]}]

    async def generate(
        self, task_id: TaskId, seed: int, *, fault: str | None = None, split: SplitName = "train"
    ) -> Scenario:
        self.generated.append((task_id, seed))
        scenario = hand_made_scenario(task_id, seed)
        if split != "train":
            named = scenario.evidence.model_copy(update={"run_id": f"{scenario.evidence.run_id}-{split}"})
            scenario = scenario.model_copy(update={"evidence": named})
        if fault is None:
            return scenario
        if fault == HEALTHY or fault.startswith(TWIN_OF):
            return _healthy(scenario)
        return scenario.model_copy(update={"truth": scenario.truth.model_copy(update={"fault_id": fault})})

    async def ready(self) -> None:
        """Always."""

    def patch_to_verify(self, diagnosis: Diagnosis, truth: Truth, *, rubric: Rubric = RUBRIC) -> tuple[PatchEntry, ...]:
        return diagnosis.patch or ()

    async def verify(self, truth: Truth, patch: tuple[PatchEntry, ...], *, rubric: Rubric = RUBRIC) -> PatchVerdict:
        self.verified += 1
        return PatchVerdict(credit=1.0 if patch == truth.patch else 0.0, explanation="compared with the repair")

    def grade(
        self,
        diagnoses: Sequence[Diagnosis],
        truth: Truth,
        investigation: Investigation,
        verdicts: Verdicts,
        *,
        task_id: TaskId,
        rubric: Rubric = RUBRIC,
    ) -> Grade:
        return hand_made_grade(diagnoses[0], truth, verdicts[0][0])

    async def experiment(self, truth: Truth, patch: tuple[PatchEntry, ...], number: int) -> ExperimentOutcome:
        self.experiments += 1
        if any(entry.field == "no.such.field" for entry in patch):
            return ExperimentRejection(reason="unknown_field", text="config.yaml has no field no.such.field")
        return hand_made_experiment(patch, number)

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""
