"""What the comparing agent looks at: nothing twice, never beyond the budget, no more than it needs."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from domain.episode.observation import EvidenceView
from domain.generator import generate
from mlops_debug_env.agents.declared.blocks import clues_of_blocks
from mlops_debug_env.agents.declared.checks import PREVIOUS, RESULTS, STATISTICS, Checks
from mlops_debug_env.agents.declared.columns import odd_cells
from mlops_debug_env.agents.declared.guesses import guess
from mlops_debug_env.agents.declared.history import CHANGES
from mlops_debug_env.agents.declared.log import LOG
from mlops_debug_env.agents.declared.looks import TRAINING, looks_of
from mlops_debug_env.agents.declared.measured import remembered
from mlops_debug_env.agents.declared.plan import SLICES, Notebook
from mlops_debug_env.agents.declared.reading import Declared
from mlops_debug_env.agents.declared.suspicion import Suspicion
from mlops_debug_env.agents.declared.trials import experiment_on, settled, trial_of
from mlops_debug_env.protocol.actions import Action, QueryArtifact, ReadArtifact, RunExperiment, RunSanityCheck
from mlops_debug_env.protocol.observations import ActionResult, ExperimentMetrics


@cache
def _evidence(fault: str) -> Any:
    return generate("hard", 7_200, fault=fault).evidence


def _shown(fault: str, action: Action) -> ActionResult:
    evidence = _evidence(fault)
    match action:
        case ReadArtifact(artifact_name=name):
            text = EvidenceView(evidence).shown_text(name)
            return ActionResult.model_validate({"status": "ok", "artifact": name, "content": text})
        case RunSanityCheck(sanity_check_type=check):
            return ActionResult.model_validate({"status": "ok", "sanity_check": evidence.checks[check].model_dump()})
        case QueryArtifact(artifact_name=name, field_path=path):
            value = EvidenceView(evidence)._value(name, path)
            return ActionResult.model_validate({"status": "ok", "artifact": name, "field": path, "value": value})
    raise AssertionError(action)


def _played(fault: str, *, steps: int, has_changes: bool = True) -> tuple[Notebook, list[Action]]:
    """Play without experiments; without changes, changes.diff is empty."""
    notebook, done = Notebook(), list[Action]()
    while action := notebook.next_action(steps_left=steps - len(done), experiments_left=0, is_one=True):
        done.append(action)
        is_empty = not has_changes and action == ReadArtifact(artifact_name=CHANGES)
        shown = _shown(fault, action)
        notebook.take(shown.model_copy(update={"content": ""}) if is_empty else shown)
    return notebook, done


def _queried(done: list[Action], column: str) -> list[str]:
    paths = [action.field_path for action in done if isinstance(action, QueryArtifact)]
    return [path for path in paths if path.endswith(f".{column}")]


@pytest.mark.parametrize("steps", [1, 5, 20])
def test_the_last_step_is_kept_for_the_diagnosis(steps: int) -> None:
    _, done = _played("stale_snapshot", steps=steps)
    assert len(done) <= steps - 1


def test_nothing_is_looked_at_twice() -> None:
    _, done = _played("frozen_column", steps=40)
    assert len({action.model_dump_json() for action in done}) == len(done)


def test_a_column_that_a_check_finds_odd_is_queried_across_sources_first() -> None:
    notebook, done = _played("frozen_column", steps=20, has_changes=False)
    column = notebook.suspicions()[0].path.split(".")[3]
    queried = _queried(done, column)
    assert queried[0] == f"all.{column}" and len(queried) > 1
    assert notebook.suspicions()[0].path.endswith(".used_until")
    assert all(action.artifact_name == SLICES for action in done if isinstance(action, QueryArtifact))


def test_an_odd_column_is_looked_at_where_its_declaration_changed() -> None:
    notebook, done = _played("frozen_column", steps=20)
    _, source, _, column, _ = notebook.suspicions()[0].path.split(".")
    assert _queried(done, column)[0] == f"{source}.{column}"
    assert len(done) < len(_played("frozen_column", steps=20, has_changes=False)[1])


def test_what_was_declared_before_strengthens_a_suspicion_and_a_change_elsewhere_weakens_it() -> None:
    declared = Declared(changed={"sources.mill.tokenizer": "v1", "sources.mill.majority_kept": 0.3})
    found = [
        Suspicion("sources.mill.tokenizer", "v1", 1.0),
        Suspicion("sources.quay.tokenizer", "v1", 1.0),
        Suspicion("sources.mill.majority_kept", 0.25, 1.0),
        Suspicion("sources.mill.majority_kept", 1.0, 1.0),
        Suspicion("loader.shuffle", True, 1.0),
    ]
    as_before, elsewhere, about, other, not_changed = (each.strength for each in remembered(declared, found))
    assert as_before == about > other == 1.0 > not_changed > elsewhere
    assert remembered(declared, found)[2].value == 0.3
    assert remembered(Declared(), found) == found


def test_rows_that_a_source_lacks_since_the_last_good_run_make_its_labels_worth_a_look() -> None:
    names = ("mill", "quay", "weir")
    declared = Declared(sources=names, changed={})
    splits = {"train": {"sources": {"mill": 420, "quay": 600, "weir": 610}}}
    splits |= dict.fromkeys(("validation", "test"), {"sources": dict.fromkeys(names, 0)})
    reports = {STATISTICS: {"splits": splits}, PREVIOUS: {"sources": {name: {"rows": 600} for name in names}}}
    weights = {block: weight for weight, block in looks_of(declared, Checks(reports))}
    assert weights["mill.labels"] > 3.0 * weights["quay.labels"]


@pytest.mark.parametrize(("check", "name"), [("encoder_version_match", "tokenizer"), ("data_leakage", "deduplicate")])
def test_a_total_is_asked_for_only_where_the_changes_name_no_source(check: str, name: str) -> None:
    facts = {f"sources.mill.{name}": "none"}

    def weight(changed: dict[str, Any]) -> float:
        declared = Declared(facts=facts, sources=("mill", "quay"), changed=changed)
        return {block: weight for weight, block in looks_of(declared, Checks({}))}[check]

    assert weight({}) > 3.0 * weight({f"sources.mill.{name}": "other"})


@pytest.mark.parametrize(
    ("path", "block"),
    [
        ("sources.mill.tokenizer", "mill.texts"),
        ("sources.mill.majority_kept", "mill.labels"),
        ("sources.mill.columns.weight.unit", "mill.weight"),
        ("split.by", "all.movement"),
    ],
)
def test_a_block_that_was_not_looked_at_is_taken_to_contradict_what_changed(path: str, block: str) -> None:
    declared = Declared(facts={path: "now"}, sources=("mill", "quay"), changed={path: "before"})
    guessed = guess(declared, block)
    assert guessed is not None and (guessed.path, guessed.value) == (path, "before")
    assert guess(declared, "quay.texts") is None


@pytest.mark.parametrize("sources", ["all", "mill"])
def test_a_test_of_one_source_is_doubted_where_the_last_month_was_not_looked_at(sources: str) -> None:
    guessed = guess(Declared(facts={"evaluation.sources": sources}, sources=("mill", "quay")), STATISTICS)
    assert (guessed is not None and (guessed.path, guessed.value) == ("evaluation.sources", "all")) is (
        sources == "mill"
    )


def test_what_two_reports_decide_needs_no_query() -> None:
    _, done = _played("silent_metric_swap", steps=20)
    assert not any(isinstance(action, QueryArtifact) for action in done)


def test_details_are_asked_for_only_where_a_declaration_can_be_wrong() -> None:
    notebook, done = _played("shuffle_off_sorted", steps=40)
    queried = {action.field_path for action in done if isinstance(action, QueryArtifact)}
    assert "train.batches" in queried
    assert notebook.suspicions()[0].path == "loader.shuffle"


def _metrics(accuracy: float) -> ExperimentMetrics:
    split = {"accuracy": 0.8, "loss": 1.0}
    of_source = {"train_accuracy": accuracy, "validation_accuracy": 0.8}
    return ExperimentMetrics.model_validate({"train": split, "validation": split, "by_source": {"mill": of_source}})


def test_a_training_without_the_late_months_of_a_source_strengthens_or_weakens_a_suspicion() -> None:
    suspicion = Suspicion("sources.mill.used_until", "2025-05", 0.9, source="mill")
    trial = trial_of(suspicion)
    assert trial is not None
    assert experiment_on(suspicion).patch is not None
    assert experiment_on(None) == RunExperiment()
    assert settled(suspicion, trial, _metrics(0.7), _metrics(0.8)).strength > 0.9
    assert settled(suspicion, trial, _metrics(0.8), _metrics(0.8)).strength < 0.9


def test_where_steps_run_out_it_names_what_it_could_not_look_at() -> None:
    notebook, done = _played("evaluation_rows_in_training", steps=8)
    best = notebook.best()
    assert best is not None and best not in notebook.suspicions()
    assert not any(isinstance(action, QueryArtifact) and best.path.startswith(action.field_path) for action in done)


@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_are_worth_a_look_only_where_the_declared_order_can_be_wrong(shuffle: bool) -> None:
    declared = Declared(facts={"loader.shuffle": shuffle, "loss.divide_by": "rows"})
    weights = {block: weight for weight, block in looks_of(declared, Checks({}))}
    assert (weights["train.batches"] > 0.0) is not shuffle


def test_a_source_whose_labels_fit_the_last_month_better_is_looked_at_first() -> None:
    accuracy = {
        "mill": {"validation": 0.4, "test": 0.5, "recent": 0.8},
        "quay": {"validation": 0.8, "test": 0.8, "recent": 0.8},
    }
    declared = Declared(facts={f"sources.{name}.used_until": None for name in accuracy}, sources=tuple(accuracy))
    looks = looks_of(declared, Checks({RESULTS: {"accuracy_by_source": accuracy}}))
    weights = {block: weight for weight, block in looks}
    assert weights["mill.labels"] > 2.0 * weights["quay.labels"]


MONTHS = ("2025-01", "2025-02", "2025-03")
SOURCES = ("mill", "quay", "weir", "ford")


def _month(**changes: Any) -> dict[str, Any]:
    """A month of a source with one column, as data_slices.json shows it."""
    usual = {"mean": 10.0, "spread": 3.0, "min": 2.0, "max": 19.0, "missing_share": 0.1} | changes
    return {"rows": 60, **{name: {"weight": value} for name, value in usual.items()}}


def _declared(**facts: Any) -> Declared:
    of_column = {"unit": "kg", "missing_code": -9, "used_until": None}
    shared = {f"sources.{name}.columns.weight.{key}": value for name in SOURCES for key, value in of_column.items()}
    shared |= {f"sources.{name}.snapshot": MONTHS[-1] for name in SOURCES}
    return Declared({**shared, **facts}, SOURCES, ("weight",), MONTHS, joined=("weight",))


@pytest.mark.parametrize(
    "changes",
    [
        {"min": 7.0, "max": 7.0, "spread": 0.0},
        {"missing_share": 1.0},
        {"mean": 22.05, "spread": 6.6},
    ],
    ids=["frozen", "without a partner", "in another unit"],
)
def test_one_month_shows_which_column_of_a_source_is_not_as_declared(changes: dict[str, float]) -> None:
    blocks = {f"{name}.2025-02": _month() for name in SOURCES}
    assert odd_cells(_declared(), blocks) == set()
    blocks["quay.2025-02"] = _month(**changes)
    assert odd_cells(_declared(), blocks) == {("quay", "weight")}


@pytest.mark.parametrize(("lowest", "is_wrong"), [(-9.0, False), (2.0, False), (-99.0, True)])
def test_a_code_that_is_not_declared_shows_in_one_month(lowest: float, is_wrong: bool) -> None:
    found = clues_of_blocks(_declared(), {"quay.2025-02": _month(min=lowest)})
    assert [(each.path, each.value) for each in found] == [("sources.quay.columns.weight.missing_code", -99)] * is_wrong


def _reports(**read: int) -> Checks:
    return Checks({STATISTICS: {"sources": {name: {"read": rows, "outside_window": 0} for name, rows in read.items()}}})


def test_a_source_with_few_rows_is_looked_at_later() -> None:
    weights = {
        block: weight for weight, block in looks_of(_declared(), _reports(mill=900, quay=900, ford=900, weir=100))
    }
    assert weights["quay.labels"] > 5.0 * weights["weir.labels"]


def test_repeated_rows_are_looked_for_where_the_total_is_more_than_declared_sources_explain() -> None:
    declared = _declared(**{f"sources.{name}.deduplicate": "none" for name in SOURCES})
    known = {STATISTICS: {"sources": {name: {"read": 900, "outside_window": 0} for name in SOURCES}}}

    def weight(share: float) -> float:
        checks = Checks({**known, "data_leakage": {"repeated_share": share}})
        return {block: weight for weight, block in looks_of(declared, checks)}["quay.ids"]

    assert weight(0.1) > 1.0 > weight(0.03)


def test_other_texts_are_read_before_one_tokenizer_is_blamed() -> None:
    notebook, done = _played("tokenizer_version_drift", steps=20)
    texts = [action for action in done if isinstance(action, QueryArtifact) and action.field_path.endswith(".texts")]
    best = notebook.suspicions()[0]
    assert best.path.endswith(".tokenizer") and len(texts) > 1


def _since_last_good_run(*, before: int, now: int) -> Checks:
    """Rows of one source grew or fell while those of two others did not."""
    splits = {"train": {"sources": {"mill": now, "quay": 600, "weir": 600}}}
    splits |= dict.fromkeys(("validation", "test"), {"sources": dict.fromkeys(("mill", "quay", "weir"), 0)})
    sources = {"mill": {"rows": before}, "quay": {"rows": 600}, "weir": {"rows": 600}}
    return Checks({STATISTICS: {"splits": splits}, PREVIOUS: {"sources": sources}})


def _weights(declared: Declared, checks: Checks) -> dict[str, float]:
    return {block: weight for weight, block in looks_of(declared, checks)}


def test_a_source_with_a_fifth_more_rows_than_in_the_last_good_run_may_have_sent_them_again() -> None:
    names = ("mill", "quay", "weir")
    facts = {f"sources.{name}.deduplicate": "none" for name in names}
    declared = Declared(facts=facts, sources=names, changed={})
    grown = _weights(declared, _since_last_good_run(before=600, now=730))
    assert grown["mill.ids"] > 5.0 * grown["quay.ids"]
    assert grown["mill.ids"] > 5.0 * _weights(declared, _since_last_good_run(before=600, now=600))["mill.ids"]


@pytest.mark.parametrize(("rows", "is_suspected"), [(600, True), (200, False)])
def test_rows_that_do_not_follow_a_declared_share_are_worth_a_look(rows: int, is_suspected: bool) -> None:
    path = "sources.mill.majority_kept"
    declared = Declared(facts={path: 0.3}, sources=("mill", "quay", "weir"), changed={path: 1.0})
    assert (_weights(declared, _since_last_good_run(before=600, now=rows))["mill.labels"] > 1.0) is is_suspected


@pytest.mark.parametrize(("train_loss", "is_suspected"), [(0.2, True), (0.45, False)])
def test_a_training_loss_far_below_the_validation_loss_may_be_divided_by_padding(
    train_loss: float, is_suspected: bool
) -> None:
    declared = Declared(facts={"loss.divide_by": "capacity", "loader.shuffle": True})
    log = {"epochs": [{"train_loss": train_loss, "val_loss": 0.5, "grad_norm": 0.5}]}
    assert (_weights(declared, Checks({LOG: log}))["train.batches"] > 1.0) is is_suspected


def test_steep_gradients_of_the_first_epoch_make_the_order_of_rows_worth_a_look() -> None:
    declared = Declared(facts={"loader.shuffle": False, "loss.divide_by": "rows"})
    steep, usual = (Checks({LOG: {"epochs": [{"train_loss": 0.5, "grad_norm": norm}]}}) for norm in (0.85, 0.5))
    assert _weights(declared, steep)["train.batches"] > 20.0 * _weights(declared, usual)["train.batches"]


@pytest.mark.parametrize(("association", "is_suspected"), [(0.2, True), (0.01, False)])
def test_a_scaler_that_leaves_a_column_out_is_looked_at_where_the_column_tells_the_classes_apart(
    association: float, is_suspected: bool
) -> None:
    declared = Declared(facts={"environment.tabular": "2.4", "environment.textkit": "1.7"}, columns=("weight",))
    statistics = {"most_frequent_share": {"weight": 0.7}, "class_association": {"weight": association}}
    assert (_weights(declared, Checks({"feature_statistics": statistics}))["all.tails"] > 1.0) is is_suspected


def test_labels_that_came_too_early_are_looked_for_before_a_source_is_blamed() -> None:
    _, done = _played("immature_labels", steps=40)
    assert "all.classes" in [action.field_path for action in done if isinstance(action, QueryArtifact)]
    assert not any(isinstance(action, RunExperiment) for action in done)


def test_the_last_good_run_and_the_log_are_read_before_any_block() -> None:
    _, done = _played("evaluation_rows_in_training", steps=40)
    names = [action.artifact_name for action in done if isinstance(action, ReadArtifact | QueryArtifact)]
    assert max(names.index(PREVIOUS), names.index(LOG)) < names.index(SLICES)


def test_code_of_the_training_and_totals_are_read_only_where_they_can_be_wrong() -> None:
    _, done = _played("silent_metric_swap", steps=16)
    names = {action.artifact_name for action in done if isinstance(action, ReadArtifact)}
    assert not names & {TRAINING, STATISTICS}
    for fault, artifact in (("shuffle_off_sorted", TRAINING), ("test_from_one_source", STATISTICS)):
        notebook, done = _played(fault, steps=16)
        assert ReadArtifact(artifact_name=artifact) in done
        assert notebook.suspicions()[0].path == {TRAINING: "loader.shuffle", STATISTICS: "evaluation.sources"}[artifact]


@pytest.mark.parametrize("sources", ["all", "mill"])
def test_where_rows_of_the_last_month_come_from_matters_where_one_source_is_tested(sources: str) -> None:
    declared = Declared(facts={"evaluation.sources": sources}, sources=("mill", "quay"), changed={})
    assert (_weights(declared, Checks({}))[STATISTICS] > 0.0) is (sources == "mill")


def test_a_change_of_code_that_was_not_read_makes_it_worth_reading() -> None:
    path = "class_weights.order"
    changed, other = (Declared(changed={}, touched=touched) for touched in ({path}, set[str]()))
    log = {"epochs": [{"train_loss": 0.3, "val_loss": 0.5, "grad_norm": 0.45}]}
    checks = Checks({LOG: log, PREVIOUS: {"epochs": [{"train_loss": 0.4}]}})
    assert _weights(changed, checks)[TRAINING] > 1.5 * _weights(other, checks)[TRAINING]
    known = Declared(facts={path: "model"}, changed={path: "sorted"})
    assert _weights(known, checks)[TRAINING] == 0.0
    assert _weights(known, checks)["train.counts"] > 1.0


@pytest.mark.parametrize(("grad_norm", "is_likelier"), [(0.45, True), (0.25, False)])
def test_wrong_weights_of_classes_make_the_first_gradients_steeper(grad_norm: float, is_likelier: bool) -> None:
    declared = Declared(facts={"class_weights.order": "model"}, changed={})

    def weight(norm: float) -> float:
        log = {"epochs": [{"train_loss": 0.3, "val_loss": 0.5, "grad_norm": norm}]}
        return _weights(declared, Checks({LOG: log, PREVIOUS: {"epochs": [{"train_loss": 0.4}]}}))["train.counts"]

    assert (weight(grad_norm) > 1.5 * weight(0.35)) is is_likelier


@pytest.mark.parametrize(("train_loss", "is_likelier"), [(0.5, True), (0.35, False)])
def test_a_new_vocabulary_is_suspected_where_the_training_rows_are_fitted_worse(
    train_loss: float, is_likelier: bool
) -> None:
    facts = {"environment.textkit": "1.9"}
    checks = Checks({LOG: {"epochs": [{"train_loss": train_loss}]}, PREVIOUS: {"epochs": [{"train_loss": 0.4}]}})
    new = _weights(Declared(facts=facts, changed={"environment.textkit": "1.8"}), checks)["all.words"]
    old = _weights(Declared(facts=facts, changed={}), checks)["all.words"]
    assert (new > 1.5 * old) is is_likelier


def test_a_small_source_that_lost_rows_since_the_last_good_run_may_be_thinned() -> None:
    declared = Declared(sources=("mill", "quay", "weir"), changed={})
    weights = _weights(declared, _since_last_good_run(before=600, now=300))
    assert weights["mill.labels"] > 2.5
    assert weights["quay.labels"] < 0.5
