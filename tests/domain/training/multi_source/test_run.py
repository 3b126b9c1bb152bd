"""Runs of several sources: healthy ones learn and are not perfect, the same state gives the same run, faults are measurable."""

from __future__ import annotations

import json
import re
from statistics import fmean

import numpy as np
import pytest

from domain.families.multi_source import FAULTS
from domain.generator import generate
from domain.rubric import RUBRIC
from domain.training.artifacts.numbers import to_json
from domain.training.multi_source.agreements import ORDERS
from domain.training.multi_source.case import draw_case
from domain.training.multi_source.checks import DEFINITIONS, run_checks
from domain.training.multi_source.details import BLOCKS
from domain.training.multi_source.layout import draw_layout
from domain.training.multi_source.reports import draw_identity, render_log, render_reports, source_rows
from domain.training.multi_source.rows import STOP_WORDS, levels
from domain.training.multi_source.run import SETS, NoRowsError, Run, holdout_accuracy, simulate, simulate_again
from domain.training.multi_source.slices import slices
from domain.training.multi_source.tables import order_of_classes
from tests.profiles import seeds


@pytest.mark.parametrize("seed", seeds(range(300), quick=8))
def test_a_healthy_run_learns_and_is_not_perfect(seed):
    run = simulate(draw_case(seed, "validation", ()).now)
    chance = 1.0 / len(run.state.layout.classes)
    assert chance + 0.2 <= run.scores["reported_test"].accuracy <= 0.97
    assert chance + 0.2 < run.scores["recent"].accuracy <= 0.999
    assert len(run.sets["train"]) >= 700
    assert run.scores["test"].rows >= 10


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", seeds(range(20), quick=1))
def test_no_planted_run_equals_its_twin_in_all_it_measures(fault, seed):
    case = draw_case(seed, "train", (fault,))
    run, twin = simulate(case.now), simulate(case.twin)
    assert run_checks(run) != run_checks(twin) or slices(run) != slices(twin)


OF_THE_REPORT = ("label_encoder_mismatch", "silent_metric_swap", "test_from_one_source")
"""Faults that spoil what is reported, and leave the trained network as it is."""
OF_THE_ESTIMATE = (
    "random_split_of_drift",
    "group_leakage",
    "evaluation_rows_in_training",
    "row_multiplying_join",
    "stale_snapshot",
    "undeclared_thinning",
)
"""Faults after whose repair less is learned from or harder rows are scored: what was scored before was too good, or too few rows."""


def _accuracy(run: Run, name: str) -> float:
    return float((run.predicted[name] == run.sets[name].label).mean())


@pytest.mark.parametrize("fault", FAULTS)
def test_the_repair_of_a_fault_makes_no_run_visibly_worse(fault):
    allowed = 0.025 if fault in OF_THE_ESTIMATE else 0.012
    validation, fresh = [], []
    for seed in seeds(range(20), quick=5):
        case = draw_case(seed, "train", (fault,))
        (planted,) = case.planted
        run, repaired = simulate(case.now), simulate(case.now.declaring({planted.path: planted.repair}))
        validation.append(_accuracy(repaired, "validation") - _accuracy(run, "validation"))
        fresh.append(holdout_accuracy(repaired) - holdout_accuracy(run))
    assert max(fmean(validation), fmean(fresh)) > -allowed
    assert max(min(validation), min(fresh)) > -0.09


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault not in (*OF_THE_REPORT, *OF_THE_ESTIMATE)])
def test_a_fault_costs_accuracy_where_it_is_honestly_scored(fault):
    costs = []
    for seed in seeds(range(20), quick=8):
        case = draw_case(seed, "train", (fault,))
        run, twin = simulate(case.now), simulate(case.twin)
        costs.append(
            max(
                holdout_accuracy(twin) - holdout_accuracy(run),
                _accuracy(twin, "validation") - _accuracy(run, "validation"),
            )
        )
    assert fmean(costs) > 0.004


@pytest.mark.parametrize("fault", ["frozen_column", "stale_snapshot", "undeclared_missing_code"])
@pytest.mark.parametrize("seed", seeds(range(40), quick=6))
def test_a_repair_that_empties_cells_finds_them_filled_with_an_ordinary_value(fault, seed):
    case = draw_case(seed, "test", (fault,))
    assert {state.declared["imputer.fill"] for state in (case.now, case.twin)} <= {"median", "mean"}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", seeds(range(40), quick=6))
def test_what_is_broken_at_a_source_is_scored(fault, seed):
    case = draw_case(seed, "train", (fault,))
    (planted,) = case.planted
    if planted.path.startswith("sources."):
        assert case.now.declared["evaluation.sources"] in ("all", planted.path.split(".")[1])


@pytest.mark.parametrize("seed", seeds(range(40), quick=8))
def test_few_rows_lie_outside_the_window_where_dates_are_read_rightly(seed):
    run = simulate(draw_case(seed, "train", ()).now)
    for counts in source_rows(run).values():
        most = 0.058 * counts["read"]  # 5 % from before the window, and 0.8 % whose dates are wrong
        assert counts["outside_window"] < most + 3.0 * most**0.5


def test_rows_leave_the_window_by_degree_where_day_and_month_are_exchanged():
    shares = []
    for seed in range(16):
        case = draw_case(seed, "train", ("day_month_exchanged",))
        counts = source_rows(simulate(case.now))[case.planted[0].path.split(".")[1]]
        shares.append(counts["outside_window"] / counts["read"])
    assert min(shares) < 0.09 and max(shares) > 0.17


def test_totals_of_labels_are_of_the_rows_that_the_run_used():
    state = draw_case(3, "train", ()).now
    every = run_checks(simulate(state.declaring({"labels.maturity_months": 0})))["label_consistency"]
    fewer = run_checks(simulate(state.declaring({"labels.maturity_months": 2})))["label_consistency"]
    assert None not in every["by_month"]
    assert fewer["by_month"][-2:] == [None, None] and None not in fewer["by_month"][:-2]


def test_filled_cells_are_no_tails():
    for seed in range(4):
        case = draw_case(seed, "train", ("sentinel_impute",))
        fills = [slices(simulate(case.now.declaring({"imputer.fill": fill})))["blocks"] for fill in (-999, "median")]
        assert fills[0]["all.tails"] == fills[1]["all.tails"]


def test_a_definition_says_what_a_number_is_and_not_which_values_are_harmless():
    texts = [text for numbers in (*BLOCKS.values(), *DEFINITIONS.values()) for text in numbers.values()]
    judging = re.compile(
        r"ordinary|harmless|normal|usual|(up to|over|under|above|below) \d|\d\S* to \d\S* (where|in)\b"
    )
    assert [text for text in texts if judging.search(text)] == []


@pytest.mark.parametrize("seed", seeds(range(300, 340), quick=6))
def test_class_means_move_by_chance_alone_where_rows_are_exchangeable(seed):
    state = draw_case(seed, "validation", ("random_split_of_drift",)).twin
    assert 0.2 < slices(simulate(state))["blocks"]["all.movement"]["class_mean_movement"] < 6.0


def test_no_stored_cell_is_empty_where_a_constant_fill_is_harmless_and_many_are_where_it_is_not():
    def emptiest(state):
        return max(run_checks(simulate(state))["feature_statistics"]["empty_share"].values())

    for seed in range(8):
        case = draw_case(seed, "train", ("sentinel_impute",))
        assert emptiest(case.twin) == 0.0
        assert emptiest(case.now) > 0.02


@pytest.mark.parametrize("seed", seeds(range(20), quick=4))
def test_a_constant_fill_is_harmless_because_no_row_that_is_used_has_an_empty_cell(seed):
    case = draw_case(seed, "train", ("sentinel_impute",))
    run = simulate(case.twin)
    assert case.twin.declared["imputer.fill"] == -999
    assert not any(np.isnan(part.values).any() for part in run.sets.values())


def test_the_block_of_a_month_shows_the_lowest_value_where_codes_are_seen():
    run = simulate(draw_case(3, "train", ()).now)
    layout, blocks = run.state.layout, slices(run)["blocks"]
    source, month = layout.source_names[0], layout.months[6]
    for column in layout.column_names:
        assert blocks[f"{source}.{month}"]["min"][column] == blocks[f"{source}.{column}"]["min"][6]


@pytest.mark.parametrize("seed", seeds(range(20), quick=4))
def test_columns_have_values_that_repeat(seed):
    run = simulate(draw_case(seed, "train", ()).now)
    shares = run_checks(run)["feature_statistics"]["most_frequent_share"]
    assert min(shares.values()) > 2.5 / len(run.tables.row)
    assert len(set(shares.values())) > 4


@pytest.mark.parametrize("seed", seeds(range(12), quick=4))
def test_experiments_are_dated_after_the_run_they_repeat_and_one_after_another(seed):
    run = simulate(draw_case(seed, "train", ()).now)
    logs = [
        render_log(run, draw_identity(run), number=number) for number in range(1 + max(RUBRIC.max_experiments.values()))
    ]
    times = [re.findall(r"\d\d:\d\d:\d\d\.\d{3}", log) for log in logs]
    shown = [time for log in times for time in (log[0], log[-1])]
    assert shown == sorted(shown)


HARMLESS_AND_NOT = (
    ("shuffle_off_sorted", "train.batches", "arrival_label_entropy"),
    ("loss_over_padding", "train.batches", "rows_over_capacity"),
    ("row_multiplying_join", "join.rows", "lines_per_id"),
    ("vocabulary_default_changed", "all.words", "frequent_words"),
    ("scaler_default_changed", "all.tails", "tail_association"),
)


@pytest.mark.parametrize(("fault", "block", "number"), HARMLESS_AND_NOT)
def test_harmless_and_harmful_levels_of_a_number_lie_close_to_each_other(fault, block, number):
    harmless, harmful = [], []
    for seed in range(12):
        case = draw_case(seed, "train", (fault,))
        for found, state in ((harmless, case.twin), (harmful, case.now)):
            shown = slices(simulate(state))["blocks"][block]
            usual = shown.get("usual_share", {})
            # Of columns, the near-constant one.
            found.append(float(shown[number][max(usual, key=usual.__getitem__)] if usual else shown[number]))
    low, high = sorted((harmless, harmful), key=fmean)
    width = max(*harmless, *harmful) - min(*harmless, *harmful)
    assert min(high) - max(low) < 0.4 * width


def test_the_size_of_a_saved_list_does_not_name_it():
    equal, misleading = 0, 0
    for seed in seeds(range(60), quick=20):
        state = draw_case(seed, "train", ()).now
        if state.declared["split.by"] != "random":
            continue
        run = simulate(state)
        lists = slices(run)["blocks"]["test.ids"]["id_lists"]
        rows = {name: len(run.sets[name]) for name in ("validation", "test")}
        own = str(state.world["evaluation.validation_ids"])
        other = lists["b" if own == "a" else "a"]
        equal += rows["validation"] in (lists[own], other)
        misleading += abs(lists[own] - rows["validation"]) > abs(other - rows["validation"])
    assert equal <= 1
    assert misleading >= 1


def test_the_file_of_class_counts_is_older_than_the_rows_and_still_in_one_order():
    right = []
    for seed in seeds(range(60), quick=12):
        run = simulate(draw_case(seed, "train", ()).now)
        layout, block = run.state.layout, slices(run)["blocks"]["train.counts"]
        written, counts = np.array(block["class_counts_file"]), np.array(block["train_counts"])
        assert sorted(written) != sorted(counts)
        grown = counts.sum() / written.sum()
        misfit = {name: np.abs(grown * written - counts[order_of_classes(layout, name)]).sum() for name in ORDERS}
        right.append(min(misfit, key=misfit.__getitem__) == run.state.world["class_weights.order"])
    assert fmean(right) >= 0.9


def test_a_harmless_column_is_corrected_as_much_as_one_that_knows_the_outcome():
    harmless, harmful = [], []
    for seed in range(10):
        case = draw_case(seed, "train", ("feature_updated_after_outcome",))
        run = simulate(case.now)
        differences = slices(run)["blocks"][f"{run.state.layout.source_names[0]}.updates"]["export_minus_event"]
        for column, difference in differences.items():
            knows = case.now.world[f"features.{column}.as_of"] == "updated after the outcome"
            (harmful if knows else harmless).append(difference)
    assert max(harmless) > min(harmful)


def test_the_same_state_gives_the_same_run():
    state = draw_case(4, "test", ()).now
    one, other = simulate(state), simulate(state)
    assert np.array_equal(one.fit.best.hidden, other.fit.best.hidden)
    assert run_checks(one) == run_checks(other)


def test_another_training_seed_is_another_run_on_the_same_rows_in_the_same_sets():
    for split_by in ("random", "month"):
        state = draw_case(4, "test", ()).now.declaring({"split.by": split_by})
        one, other = simulate(state, seed=1), simulate(state, seed=2)
        assert np.array_equal(one.tables.values, other.tables.values, equal_nan=True)
        assert _rows_of(one) == _rows_of(other)
        assert one.fit.epochs != other.fit.epochs


def test_another_seed_of_the_split_is_another_split():
    state = draw_case(4, "test", ()).now.declaring({"split.by": "random"})
    assert _rows_of(simulate(state, split_seed=1)) != _rows_of(simulate(state, split_seed=2))


@pytest.mark.parametrize("groups", ["none", "customer"])
def test_a_row_stays_in_its_set_whichever_others_are_dropped(groups):
    state = draw_case(4, "test", ()).now.declaring(
        {"split.by": "random", "split.groups": groups, "join.keys": "id, line"}
    )
    source, last = state.layout.source_names[0], state.layout.months[5]
    every, fewer = simulate(state), simulate(state.declaring({f"sources.{source}.used_until": last}))
    for name in SETS[:3]:
        assert set(fewer.sets[name].row.tolist()) < set(every.sets[name].row.tolist())


def _rows_of(run: Run) -> dict[str, list[int]]:
    return {name: part.row.tolist() for name, part in run.sets.items()}


@pytest.mark.parametrize("seed", seeds(range(40), quick=8))
def test_every_source_has_results_of_the_last_month_whether_it_is_served_or_tried_out(seed):
    case = draw_case(seed, "train", ("test_from_one_source",))
    for state in (case.now, case.twin):
        results = json.loads(render_reports(simulate(state), simulate(case.before))["eval_results.json"])
        assert None not in [one["recent"] for one in results["accuracy_by_source"].values()]


def test_the_log_does_not_say_how_many_rows_validate_and_test():
    run = simulate(draw_case(4, "train", ("silent_metric_swap",)).now)
    log = render_log(run, draw_identity(run))
    assert f"held_out={len(run.sets['validation']) + len(run.sets['test'])}" in log
    assert "validation=" not in log and "test=" not in log


def test_no_share_of_a_variance_is_negative():
    for seed in range(8):
        checks = run_checks(simulate(draw_case(seed, "train", ()).now))["feature_statistics"]
        for name in ("class_association", "source_association", "source_and_month_association"):
            assert min(checks[name].values()) >= 0.0


@pytest.mark.parametrize("seed", [730, 739, 754, *seeds(range(40), quick=4)])
def test_the_last_good_run_tested_some_rows(seed):
    case = draw_case(seed, "train", ())
    assert simulate(case.before, rows="rows-before").scores["reported_test"].rows > 10


@pytest.mark.slow
def test_a_source_of_a_healthy_run_scores_about_as_in_the_last_good_run():
    changes = []
    for seed in range(700, 740):
        case = draw_case(seed, "train", ())
        now, before = (_right_by_source(run) for run in (simulate(case.now), simulate(case.before, rows="rows-before")))
        pairs = [(one, other) for one, other in zip(now, before, strict=True) if min(len(one), len(other)) >= 30]
        changes += [one.mean() - other.mean() for one, other in pairs]
    print(f"standard deviation {np.std(changes):.3f}, beyond .1: {np.mean(np.abs(changes) > 0.1):.3f}")
    assert np.std(changes) < 0.075
    assert np.mean(np.abs(changes) > 0.1) < 0.15


def _right_by_source(run: Run) -> list[np.ndarray]:
    parts = [(run.sets["validation"], run.sets["validation"].label), (run.sets["test"], run.test_labels)]
    right = np.concatenate([run.predicted[name] == label for name, (_, label) in zip(SETS[1:3], parts, strict=True)])
    source = np.concatenate([part.source for part, _ in parts])
    return [right[source == place] for place in range(len(run.state.layout.sources))]


GUARDED = (
    "row_multiplying_join",
    "class_dropping_join",
    "evaluation_rows_in_training",
    "feature_updated_after_outcome",
    "group_leakage",
    "sentinel_impute",
    "shuffle_off_sorted",
    "loss_over_padding",
    "scaler_default_changed",
    "vocabulary_default_changed",
    "random_split_of_drift",
)
"""Faults whose declaration some worlds allow; in these it should not matter."""


@pytest.mark.slow
@pytest.mark.parametrize("fault", GUARDED)
def test_the_alternative_of_a_harmless_declaration_gains_nothing_beyond_the_noise_of_a_training(fault):
    gains, noise = [], []
    for seed in range(500, 524):
        case = draw_case(seed, "train", (fault,))
        (planted,) = case.planted
        other = case.twin.declaring({planted.path: planted.repair})
        run, changed, again = simulate(case.twin, seed=7), simulate(other, seed=7), simulate(case.twin, seed=8)
        fresh = [holdout_accuracy(one) for one in (run, changed, again)]
        gains.append(fresh[1] - fresh[0])
        noise.append(fresh[2] - fresh[0])
    print(f"{fault}: gain {fmean(gains):+.4f}, largest {max(gains):+.4f}, noise of one training {np.std(noise):.4f}")
    assert fmean(gains) < float(np.std(noise))
    assert fmean(gains) < 0.012


SAME_ROWS = ("shuffle_off_sorted", "loss_over_padding", "scaler_default_changed", "vocabulary_default_changed")
"""The alternative trains on the same rows, as well: what it changes shows in the validation rows."""
TRAININGS = 7
"""As many as those of an experiment."""


@pytest.mark.slow
@pytest.mark.parametrize("fault", SAME_ROWS)
def test_the_alternative_of_a_harmless_declaration_scores_the_same_in_the_mean_of_seven_trainings(fault):
    gains, deviations = [], []
    for seed in range(700, 742):
        case = draw_case(seed, "train", (fault,))
        (planted,), state = case.planted, case.twin
        other = state.declaring({planted.path: planted.repair})
        means, variance = [], 0.0
        for one in (state, other):
            runs = simulate_again(one, tuple(range(TRAININGS)), state.declared["training.seed"])
            scored = [_accuracy(run, "validation") for run in runs]
            means.append(fmean(scored))
            variance += float(np.var(scored, ddof=1)) / TRAININGS
        gains.append(means[1] - means[0])
        deviations.append(abs(means[1] - means[0]) / variance**0.5)
    print(f"{fault}: mean {fmean(gains):+.4f}, largest {max(gains, key=abs):+.4f}")
    assert abs(fmean(gains)) <= 0.002
    # By chance, two means of seven lie more than 2.5 of their standard errors apart in 3 of 100 runs.
    assert np.mean(np.array(deviations) > 2.5) <= 0.12


DEFAULTS = (("environment.tabular", "2.4", "2.3"), ("environment.textkit", "1.9", "1.8"))


@pytest.mark.parametrize(("path", "newer", "older"), DEFAULTS)
@pytest.mark.parametrize("seed", seeds(range(40), quick=6))
def test_a_newer_default_leaves_out_one_column_or_two_words_of_a_healthy_run(path, newer, older, seed):
    state = draw_case(seed, "train", ()).now
    left_out = []
    for version in (older, newer):
        prepared = simulate(state.declaring({path: version})).prepared
        left_out.append((int(np.isinf(prepared.unit).sum()), int((~prepared.is_kept).sum())))
    changed = (left_out[1][0] - left_out[0][0], left_out[1][1] - left_out[0][1])
    assert changed == ((1, 0) if path == "environment.tabular" else (0, STOP_WORDS))


def test_a_state_that_leaves_no_row_cannot_be_run():
    state = draw_case(4, "train", ()).now
    with pytest.raises(NoRowsError):
        simulate(state.declaring({"labels.maturity_months": 12}))


def test_every_number_of_every_check_is_defined():
    measured = run_checks(simulate(draw_case(2, "train", ()).now))
    assert {check: set(numbers) - {"about"} for check, numbers in measured.items()} == {
        check: set(numbers) for check, numbers in DEFINITIONS.items()
    }
    assert {check: numbers["about"] for check, numbers in measured.items()} == DEFINITIONS


def test_how_cells_are_filled_does_not_show_in_what_a_check_says_of_the_classes():
    state = draw_case(3, "train", ("sentinel_impute",)).now
    found = [
        run_checks(simulate(state.declaring({"imputer.fill": fill})))["feature_statistics"]["class_association"]
        for fill in (-999, "median")
    ]
    assert found[0] == found[1]


def test_a_source_that_lies_elsewhere_in_a_column_spreads_as_others_or_the_other_way_round():
    layouts = [draw_layout(seed, "train") for seed in range(60)]
    found = [
        (layout.columns[column], level, spread) for layout in layouts for _, column, level, spread in levels(layout)
    ]
    assert 15 <= len(found) <= 45
    assert not any(column.is_usual for column, _, _ in found)
    assert all((level > 0) == (spread <= 1.0) or spread == 1.0 for _, level, spread in found)


def test_checks_are_json_without_nan():
    for seed in range(6):
        json.dumps(run_checks(simulate(draw_case(seed, "train", ()).now)), allow_nan=False)


def test_slices_have_a_block_for_everything_that_the_contents_promise():
    run = simulate(draw_case(3, "train", ()).now)
    document, layout = slices(run), run.state.layout
    promised = {
        *(f"{source}.{column}" for source in layout.source_names for column in layout.column_names),
        *(f"{source}.{month}" for source in layout.source_names for month in layout.months),
        *(f"{source}.classes" for source in layout.source_names),
        *(f"all.{column}" for column in layout.column_names),
        "all.classes",
        *(path.replace("<source>", source) for path in BLOCKS for source in layout.source_names),
    }
    assert set(document["blocks"]) == promised
    assert set(BLOCKS) <= set(document["contents"]["blocks"])


def test_every_number_of_every_block_of_details_is_defined():
    run = simulate(draw_case(2, "train", ()).now)
    for name, numbers in BLOCKS.items():
        block = slices(run)["blocks"][name.replace("<source>", run.state.layout.source_names[0])]
        assert set(block) - {"about"} == set(numbers)
        assert block["about"] == numbers


def test_no_check_counts_the_rows_of_a_set_or_those_that_two_sets_share():
    run = simulate(draw_case(6, "train", ("row_multiplying_join",)).now)
    shared = np.isin(run.sets["test"].row, run.sets["train"].row).mean()
    right = {name: (run.predicted[name] == part.label).mean() for name, part in run.sets.items()}
    errors = [(right[name] * (1.0 - right[name]) / len(part)) ** 0.5 for name, part in run.sets.items()]
    counts = [len(part) for part in run.sets.values()]
    assert shared > 0.4
    assert not {to_json(value) for value in (shared, *errors, *counts)} & set(_numbers(run_checks(run)))


def _numbers(node):
    match node:
        case dict():
            return [number for below in node.values() for number in _numbers(below)]
        case list():
            return [number for below in node for number in _numbers(below)]
    return [node]


def test_a_check_sums_up_over_sources_and_names_none():
    run = simulate(draw_case(2, "train", ("exchanged_label_codes",)).now)
    text = json.dumps(run_checks(run))
    assert not any(f'"{source}"' in text for source in run.state.layout.source_names)


@pytest.mark.parametrize("fault", FAULTS)
def test_an_exhaustive_reader_needs_three_times_the_steps_there_are(fault):
    evidence = generate("hard", 21, fault=fault).evidence
    blocks = json.loads(evidence.artifacts["data_slices.json"])["blocks"]
    assert len(evidence.artifacts) + len(evidence.checks) + len(blocks) > 3 * RUBRIC.max_steps["expert"]


def test_slices_are_what_numpy_says():
    run = simulate(draw_case(3, "train", ("source_unit_changed",)).now)
    layout, tables, document = run.state.layout, run.tables, slices(run)
    source, column = layout.source_names[0], layout.column_names[2]
    block = document["blocks"][f"{source}.{column}"]
    for place, _ in enumerate(layout.months):
        rows = (tables.source == 0) & (run.reading.month == place)
        values = tables.values[rows, 2]
        known = values[~np.isnan(values)]
        assert block["rows"][place] == rows.sum()
        if not len(known):
            continue
        counts = np.unique(known, return_counts=True)[1]
        expected = (
            known.mean(),
            known.std(),
            known.min(),
            known.max(),
            1 - len(known) / len(values),
            counts.max() / len(known),
        )
        found = [
            block[name][place] for name in ("mean", "spread", "min", "max", "missing_share", "most_frequent_share")
        ]
        assert found == pytest.approx(expected, rel=1e-3, abs=1e-9)


def test_fresh_rows_say_how_a_run_does_on_what_arrives():
    case = draw_case(5, "train", ("exchanged_label_codes",))
    (planted,) = case.planted
    repaired = case.now.declaring({planted.path: planted.repair})
    assert holdout_accuracy(simulate(repaired)) > holdout_accuracy(simulate(case.now)) + 0.005


@pytest.mark.parametrize("task_id", ["hard", "expert"])
def test_a_scenario_holds_eleven_texts_and_no_seed(task_id):
    scenario = generate(task_id, 8, split="test")
    assert len(scenario.evidence.artifacts) == 11
    text = scenario.evidence.model_dump_json()
    own = scenario.truth.pipeline["seed"]
    assert str(own) not in text and "multi_source" not in text
