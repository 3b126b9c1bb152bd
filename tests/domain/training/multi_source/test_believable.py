"""What a practitioner checks first: quantities that can be, one timeline, a log that follows from the code, counts that agree."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest

from domain.diagnosis import PatchEntry
from domain.families.multi_source import REPEATED, run_experiment
from domain.generator import generate
from domain.scenario import Scenario
from domain.training.multi_source.agreements import ORDERS, unit_at
from domain.training.multi_source.artifacts.style import PLAIN, options
from domain.training.multi_source.artifacts.training import render_train
from domain.training.multi_source.case import Case, State, draw_case
from domain.training.multi_source.layout import LABELLED_MONTHS
from domain.training.multi_source.rows import EARLIER_HISTORY, draw_rows, earlier_export
from domain.training.multi_source.run import Run, class_counts, simulate
from domain.training.multi_source.slices import slices
from domain.training.multi_source.subjects import SUBJECTS, UNITS
from domain.training.multi_source.tables import order_of_classes
from domain.training.style import SEED_SPLITS, SeedSplit
from tests.profiles import seeds

SHARED: tuple[tuple[int, SeedSplit, str], ...] = (
    (1, "train", ""),
    (2, "validation", "source_unit_changed"),
    (3, "test", "undeclared_missing_code"),
    (4, "train", "frozen_column"),
    (6, "validation", "scaler_default_changed"),
    (7, "test", "test_from_one_source"),
)
"""Seed, split and fault of the runs that most tests of this file look at; no fault: a healthy run."""


def _case(seed: int, split: SeedSplit, fault: str) -> Case:
    return draw_case(seed, split, (fault,) if fault else ())


@lru_cache(maxsize=len(SHARED))
def _scenario(seed: int, split: SeedSplit, fault: str) -> Scenario:
    return generate("hard", seed, split=split, fault=fault or "none")


def _texts(seed: int, split: SeedSplit, fault: str) -> dict[str, str]:
    return {str(name): text for name, text in _scenario(seed, split, fault).evidence.artifacts.items()}


@lru_cache(maxsize=len(SHARED))
def _run(seed: int, split: SeedSplit, fault: str) -> Run:
    return simulate(State.from_json(_scenario(seed, split, fault).truth.pipeline))


# Quantities.


@pytest.mark.parametrize(("seed", "split", "fault"), SHARED)
def test_every_value_can_be_measured_in_the_unit_in_which_it_is_stored(seed, split, fault):
    run = _run(seed, split, fault)
    layout, tables, world = run.state.layout, run.tables, run.state.world
    (subject,) = (one for one in SUBJECTS[split] if one.dataset == layout.dataset)
    ranges = {one.name: (one.low, one.high) for one in subject.columns}
    first = int(layout.months[0][:4]) * 12 + int(layout.months[0][5:]) - 1
    for number, source in enumerate(layout.source_names):
        for place, column in enumerate(layout.columns):
            path = f"sources.{source}.columns.{column.name}"
            low, high = ranges[column.name]
            for at, month in enumerate(layout.months):
                own = tables.values[(tables.source == number) & (tables.year_month == first + at), place]
                stored = own[~np.isnan(own) & (own != (world.get(f"{path}.missing_code") or np.nan))]
                values = stored / UNITS[column.quantity][unit_at(world[f"{path}.unit"], month)]
                assert np.all((low * 0.999 <= values) & (values <= high * 1.001)), path


@pytest.mark.parametrize("split", SEED_SPLITS)
def test_every_range_of_a_column_is_positive_and_no_share_exceeds_one(split):
    for subject in SUBJECTS[split]:
        for column in subject.columns:
            assert 0.0 < column.low < column.typical / 1.3 and column.typical * 1.3 < column.high < 9999.0
            assert column.quantity != "share" or column.high < 1.0


# Counts of the classes.


@pytest.mark.parametrize("fault", ["", "class_weight_order", "undeclared_thinning", "class_dropping_join"])
@pytest.mark.parametrize("seed", [9, 2013, 2048])
def test_the_first_class_is_clearly_more_frequent_than_the_last_whether_a_fault_is_planted_or_not(seed, fault):
    run = simulate(_case(seed, "validation", fault).now)
    counts = np.bincount(run.sets["train"].label)
    assert counts[0] > 1.25 * counts[-1]
    layout, world = run.state.layout, str(run.state.world["class_weights.order"])
    written = class_counts(layout, run.sets["train"].label)[order_of_classes(layout, world)]
    grown = counts.sum() / written.sum()
    misfit = {name: np.abs(grown * written - counts[order_of_classes(layout, name)]).sum() for name in ORDERS}
    assert min(misfit, key=misfit.__getitem__) == world


# Dates.

_DAY = re.compile(r"\b(20\d\d-\d\d-\d\d)\b")


@pytest.mark.parametrize(("seed", "split", "fault"), SHARED)
def test_data_come_before_changes_changes_before_the_training_and_labels_by_hand_after_the_scored_month(
    seed, split, fault
):
    texts = _texts(seed, split, fault)
    months = json.loads(texts["data_slices.json"])["contents"]["months"]
    scored, last = months[-1], months[-2]
    before = json.loads(texts["previous_run.json"])["started"]
    commits = _DAY.findall("\n".join(re.findall(r"^(?:Date|From|#|date).*$", texts["changes.diff"], re.M)))
    (by_hand,) = _DAY.findall(json.loads(texts["eval_results.json"])["about"]["recent"])
    trained = set(_DAY.findall(texts["train.log"].replace("T", " ")))
    assert commits and commits == sorted(commits)
    assert last < scored <= before < commits[0]
    assert len(trained) <= 1
    for day in trained:
        assert commits[-1] < day and day.startswith(scored) and day < by_hand
    assert commits[-1].startswith(scored) and before.startswith(scored)
    assert by_hand[:7] > scored
    card = json.loads(texts["model_card.json"])["months"]
    assert card == {"labelled": [months[0], last], "scored": scored}
    every = {day for name, text in texts.items() for day in _DAY.findall(text.replace("T", " "))}
    assert every <= {before, by_hand, *commits, *trained}


# The last good run.


@pytest.mark.parametrize("split", SEED_SPLITS)
def test_the_last_good_run_had_the_rows_of_closed_months_but_those_that_came_late(split):
    state = draw_case(5, split, ()).now
    rows = draw_rows(state.layout, state.world)
    before = earlier_export(state.layout, rows)
    known = dict(zip(rows.customer.tolist(), zip(rows.source.tolist(), rows.month.tolist(), strict=True), strict=True))
    if state.world["split.groups"] == "one row a customer":
        for customer, source, month in zip(before.customer, before.source, before.month, strict=True):
            assert known[customer] == (source, month)
    for place in range(len(state.layout.sources)):
        now, then = (int(((one.source == place) & (one.month < LABELLED_MONTHS)).sum()) for one in (rows, before))
        assert 0.95 * now <= then <= now


def test_the_last_good_run_read_a_few_rows_less():
    case = draw_case(1, "train", ())
    now, before = simulate(case.before), simulate(case.before, rows=EARLIER_HISTORY)
    assert 0.9 * len(now.tables.row) < len(before.tables.row) < len(now.tables.row)


def test_a_change_of_the_world_leaves_sources_and_months_of_closed_rows_as_they_were():
    state = draw_case(5, "train", ()).now
    shapes = [
        {"evaluation.sources": "all"},
        {"evaluation.sources": state.layout.large_sources[0]},
        {"split.groups": "many rows a customer", "split.by": "drifting", "environment.tabular": "in the tails"},
    ]
    found = []
    for changes in shapes:
        rows = draw_rows(state.layout, {**state.world, **changes})
        closed = rows.month < LABELLED_MONTHS
        found.append((rows.source[closed], rows.month[closed], rows.day[closed]))
    for one, other in pairwise(found):
        assert all(np.array_equal(*pair) for pair in zip(one, other, strict=True))


@pytest.mark.parametrize("split", SEED_SPLITS)
def test_the_last_month_of_a_source_has_no_more_than_two_and_a_half_times_the_rows_of_the_months_before(split):
    for seed in range(4):
        state = draw_case(seed, split, ()).now
        for served in ("all", state.layout.large_sources[0]):
            rows = draw_rows(state.layout, {**state.world, "evaluation.sources": served})
            for place in range(len(state.layout.sources)):
                months = np.bincount(rows.month[rows.source == place], minlength=LABELLED_MONTHS + 1)
                assert months[LABELLED_MONTHS] < 2.5 * months[LABELLED_MONTHS - 3 : LABELLED_MONTHS].mean()


# What a number is of.


@pytest.mark.parametrize("seed", range(4))
def test_the_results_say_which_rows_each_number_covers(seed):
    texts = _texts(seed, "train", "test_from_one_source")
    (tested,) = set(re.findall(r"sources[\"']?\]?\s*[:=,]\s*[\"'](\w+)[\"']", texts["preprocessing.py"]))
    about = json.loads(texts["eval_results.json"])["about"]
    assert ("all sources" if tested == "all" else f"{tested} only") in about["metrics"]
    assert {"metrics", "accuracy_by_source", "accuracy_by_month", "recent"} == set(about)
    assert {"metrics", "accuracy_by_source", "recent"} < set(json.loads(texts["previous_run.json"])["about"])


def test_every_block_says_what_its_numbers_are():
    blocks = slices(_run(*SHARED[0]))["blocks"]
    assert all(block["about"] for block in blocks.values())


# The log.


def _numbers(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"([\w/]+)=([0-9.e+-]+)(?:\s|$)", text)}


@pytest.mark.parametrize(("seed", "split", "fault"), SHARED)
def test_the_numbers_of_the_log_follow_from_one_another_and_from_the_configuration(seed, split, fault):
    run, log = _run(seed, split, fault), _texts(seed, split, fault)["train.log"]
    declared = run.state.declared
    lines = log.splitlines()
    rows = next(_numbers(line) for line in lines if " rows train=" in line)
    used = sum(_numbers(line)["used"] for line in lines if " source " in line and "used=" in line)
    assert used == rows["train"] + rows["held_out"]
    (made,) = (_numbers(line) for line in lines if "steps_per_epoch" in line)
    assert made["steps_per_epoch"] == rows["train"] // float(str(declared["training.batch_size"]))
    assert made["lr"] == declared["optimizer.learning_rate"]
    third = int(made["steps_per_epoch"] // 3)
    batches = (third, third, int(made["steps_per_epoch"]) - 2 * third)
    epochs = [line for line in lines if "train_loss=" in line]
    assert len(epochs) == declared["training.epochs"]
    for number, line in enumerate(epochs, 1):
        parts = [_numbers(one)["loss"] for one in lines if re.search(rf" epoch {number} [123]/3 ", one)]
        mean = sum(count * loss for count, loss in zip(batches, parts, strict=True)) / sum(batches)
        assert _numbers(line)["train_loss"] == pytest.approx(mean, rel=2e-3)
    assert "recent" not in log


def _milliseconds(line: str) -> int:
    hours, minutes, seconds, rest = map(int, re.findall(r"(\d\d):(\d\d):(\d\d)\.(\d{3})", line)[0])
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest


@pytest.mark.parametrize(("seed", "split", "fault"), SHARED)
def test_the_times_of_the_log_follow_from_its_rows_and_its_speed_which_is_that_of_one_machine(seed, split, fault):
    lines = _texts(seed, split, fault)["train.log"].splitlines()
    batch = float(str(_run(seed, split, fault).state.declared["training.batch_size"]))
    steps = next(_numbers(line)["steps_per_epoch"] for line in lines if "steps_per_epoch" in line)
    third, speeds = steps // 3, []
    for before, line in pairwise(lines):
        if part := re.search(r" epoch \d+ ([123])/3 ", line):
            speeds.append(_numbers(line)["rows/s"])
            rows = batch * (third if part[1] != "3" else steps - 2 * third)
            assert _milliseconds(line) - _milliseconds(before) == pytest.approx(1000 * rows / speeds[-1], abs=1.001)
    assert max(speeds) < 1.35 * np.median(speeds) and min(speeds) > 0.4 * np.median(speeds)
    gaps = [_milliseconds(line) - _milliseconds(before) for before, line in pairwise(lines)]
    assert min(gaps) >= 0 and len(set(gaps)) > 0.5 * len(gaps)


@pytest.mark.parametrize(("seed", "split", "fault"), SHARED)
def test_every_line_of_the_log_has_a_level_of_python_and_no_warning_comes_twice(seed, split, fault):
    lines = _texts(seed, split, fault)["train.log"].splitlines()
    levels = [re.findall(r"\b(INFO|WARNING|ERROR)\b", line) for line in lines]
    assert all(len(level) == 1 for level in levels)
    assert "warning:" not in "\n".join(lines)
    warnings = Counter(re.split(r"WARNING", line)[1] for line in lines if "WARNING" in line)
    assert all(count == 1 for count in warnings.values())


def test_the_program_says_what_the_library_logs_in_every_style():
    state = _case(*SHARED[0]).now
    for title in sum((options("train.title", split) for split in SEED_SPLITS), ()):
        for comments in ("none", "above"):
            text = render_train(state, PLAIN.using(train__title=title, train__comments=comments))
            for logged in ("val_acc=", "mean loss", "train_acc", "val_loss", "norms of the gradients", "left out"):
                assert logged in text


# Accuracy.


def test_few_healthy_runs_score_the_last_month_clearly_better_than_what_they_were_trained_on():
    gaps = []
    for seed in seeds(range(100, 160), quick=24):
        run = simulate(draw_case(seed, "validation", ()).now)
        trained = float((run.predicted["train"] == run.sets["train"].label).mean())
        gaps.append(run.scores["recent"].accuracy - trained)
    assert np.mean(gaps) < 0.0
    assert np.mean(np.array(gaps) > 0.02) <= 0.25


def test_labels_by_hand_have_as_many_errors_as_others():
    for seed in range(3):
        state: State = draw_case(seed, "train", ("sentinel_impute",)).twin
        tables = simulate(state).tables
        rows = draw_rows(state.layout, state.world)
        recent = rows.month[tables.row] == LABELLED_MONTHS
        wrong = float((tables.outcome != rows.outcome[tables.row])[recent].mean())
        noise = [one.label_noise for one in state.layout.sources]
        assert 0.3 * min(noise) < wrong < 1.5 * max(noise)
        assert not (tables.outcome != rows.outcome[tables.row])[~recent].any()


def test_an_experiment_is_the_mean_of_several_trainings_and_says_so():
    truth = _scenario(*SHARED[1]).truth
    one, other = run_experiment(truth, (), 1), run_experiment(truth, (), 2)
    for result in (one, other):
        scored = [float(number) for number in result.log_tail[-1].rpartition(": ")[2].split(", ")]
        assert len(scored) == REPEATED
        assert result.metrics.validation.accuracy == pytest.approx(np.mean(scored), abs=1e-3)
        assert f"{REPEATED} trainings with other seeds" in result.log_tail[-1]
    assert one.log_tail != other.log_tail


def test_an_experiment_with_a_seed_of_its_own_trains_once():
    patch = (PatchEntry(file="config.yaml", field="training.seed", value=17),)
    result = run_experiment(_scenario(*SHARED[1]).truth, patch, 1)
    assert "1 training with this seed" in result.log_tail[-1]
    assert result == run_experiment(_scenario(*SHARED[1]).truth, patch, 2).model_copy(
        update={"number": 1, "log_tail": result.log_tail}
    )
