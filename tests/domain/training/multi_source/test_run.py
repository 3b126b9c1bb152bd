"""Runs of several sources: healthy ones learn and are not perfect, the same state gives the same run, faults are measurable."""

from __future__ import annotations

import json

import numpy as np
import pytest

from domain.families.multi_source import FAULTS
from domain.generator import generate
from domain.rubric import RUBRIC
from domain.training.multi_source.case import draw_case
from domain.training.multi_source.checks import DEFINITIONS, run_checks
from domain.training.multi_source.details import BLOCKS
from domain.training.multi_source.run import NoRowsError, holdout_accuracy, simulate
from domain.training.multi_source.slices import slices
from tests.profiles import seeds


@pytest.mark.parametrize("seed", seeds(range(300), quick=8))
def test_a_healthy_run_learns_and_is_not_perfect(seed):
    run = simulate(draw_case(seed, "validation", ()).now)
    chance = 1.0 / len(run.state.layout.classes)
    assert chance + 0.15 < run.scores["recent"].accuracy <= 0.999
    assert len(run.sets["train"]) >= 700
    assert run.scores["test"].rows >= 10


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", seeds(range(20), quick=1))
def test_no_planted_run_equals_its_twin_in_all_it_measures(fault, seed):
    case = draw_case(seed, "train", (fault,))
    run, twin = simulate(case.now), simulate(case.twin)
    assert run_checks(run) != run_checks(twin) or slices(run) != slices(twin)


def test_the_same_state_gives_the_same_run():
    state = draw_case(4, "test", ()).now
    one, other = simulate(state), simulate(state)
    assert np.array_equal(one.fit.best.hidden, other.fit.best.hidden)
    assert run_checks(one) == run_checks(other)


def test_another_training_seed_is_another_run_on_the_same_rows():
    state = draw_case(4, "test", ()).now
    one, other = simulate(state, seed=1), simulate(state, seed=2)
    assert np.array_equal(one.tables.values, other.tables.values, equal_nan=True)
    assert one.fit.epochs != other.fit.epochs


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
    case = draw_case(5, "train", ("loss_over_padding",))
    (planted,) = case.planted
    repaired = case.now.declaring({planted.path: planted.repair})
    assert holdout_accuracy(simulate(repaired)) > holdout_accuracy(simulate(case.now)) + 0.03


@pytest.mark.parametrize("task_id", ["hard", "expert"])
def test_a_scenario_holds_eleven_texts_and_no_seed(task_id):
    scenario = generate(task_id, 8, split="test")
    assert len(scenario.evidence.artifacts) == 11
    text = scenario.evidence.model_dump_json()
    own = scenario.truth.pipeline["seed"]
    assert str(own) not in text and "multi_source" not in text
