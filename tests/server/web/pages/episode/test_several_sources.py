"""The page of an episode on several sources: to each viewer what it may see, before and after the end."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest

from domain.generator import generate
from domain.scenario import Scenario
from server.scenarios.simulation import InProcessSimulation
from server.settings import Settings
from tests.domain.scenarios import truth_of
from tests.served import Served, serving

SEED = 18
"""Of a run with a guilty change of a column of a source in the diff."""
NUMBER = re.compile(r"[0-9]+\.[0-9]{2,}")


@pytest.fixture
async def served(settings: Settings) -> AsyncIterator[Served]:
    async with serving(settings, simulation=InProcessSimulation()) as running:
        yield running


@pytest.fixture(scope="module")
def hard() -> Scenario:
    return generate("hard", SEED)


async def page(served: Served, path: str) -> str:
    response = await served.client.get(path, follow_redirects=True)
    assert response.status_code == 200, response.text
    return response.text


async def begin(served: Served, task_id: str = "hard") -> None:
    await served.reset(task_id=task_id, seed=SEED, episode_id="e")


async def act(served: Served, action_type: str, **parameters: object) -> None:
    await served.step("e", {"action_type": action_type, **parameters})


async def query(served: Served, block: str) -> None:
    await act(served, "query_artifact", artifact_name="data_slices.json", field_path=block)


async def test_blocks_that_were_queried_are_counted_beside_the_artifact(served: Served, hard: Scenario) -> None:
    await begin(served)
    blocks = list(json.loads(hard.evidence.artifacts["data_slices.json"])["blocks"])
    for count, words in ((1, "1 block queried"), (2, "2 blocks queried")):
        await query(served, blocks[count])
        assert f">{words}</span>" in await page(served, "/episodes/e")
    await act(served, "read_artifact", artifact_name="data_slices.json")
    assert ">read, 2 blocks queried</span>" in await page(served, "/episodes/e")
    assert ">1 block queried</span>" in await page(served, "/episodes/e?step=1")


def numbers_of(scenario: Scenario, block: str) -> set[str]:
    """Numbers of a block with so many digits that they stand nowhere else."""
    blocks = json.loads(scenario.evidence.artifacts["data_slices.json"])["blocks"]
    known = [f"{value:.4g}" for value in blocks[block]["mean"] if value is not None]
    return {value for value in known if NUMBER.fullmatch(value)}


async def test_while_it_runs_a_queried_slice_is_shown_and_an_unread_one_is_not(served: Served, hard: Scenario) -> None:
    contents = json.loads(hard.evidence.artifacts["data_slices.json"])["contents"]
    (first, second), column = contents["sources"][:2], contents["columns"][0]
    await begin(served)
    await query(served, f"{first}.{column}")
    shown = await page(served, "/episodes/e")
    seen, unseen = numbers_of(hard, f"{first}.{column}"), numbers_of(hard, f"{second}.{column}")
    assert {number for number in seen if number in shown} == seen
    assert {number for number in unseen - seen if f"{number} ±" in shown or f"{number}," in shown} == set()
    assert shown.count('<figure class="slice') == 1
    assert "Data sources" not in shown


async def test_while_it_runs_nothing_of_the_truth_or_the_twin_is_shown(served: Served, hard: Scenario) -> None:
    await begin(served)
    for artifact in hard.evidence.artifacts:
        await act(served, "read_artifact", artifact_name=artifact)
    contents = json.loads(hard.evidence.artifacts["data_slices.json"])["contents"]
    await query(served, f"{contents['sources'][0]}.{contents['columns'][0]}")
    await act(served, "run_experiment", patch=[])
    shown = await page(served, "/episodes/e")
    truth = hard.only_fault
    assert 'id="sources"' in shown
    assert 'id="slices"' in shown
    assert 'id="experiments"' in shown
    for word in (
        truth.fault_id,
        str(truth.proposed_fix),
        "healthy twin",
        "faulty",
        "guilty",
        "agrees with the data",
        'id="differences"',
    ):
        assert word not in shown, word


async def test_by_its_number_nothing_of_the_data_is_shown(served: Served, hard: Scenario) -> None:
    await begin(served)
    await act(served, "read_artifact", artifact_name="data_sources.yaml")
    await query(served, "all.classes")
    await act(served, "run_experiment", patch=[])
    shown = await page(served, "/episodes/~1")
    contents = json.loads(hard.evidence.artifacts["data_slices.json"])["contents"]
    for word in (
        'id="sources"',
        'id="slices"',
        'id="experiments"',
        "<figure",
        *contents["sources"],
        *contents["columns"],
    ):
        assert word not in shown, word


async def test_after_the_end_sources_slices_and_the_guilty_change_are_marked(served: Served, hard: Scenario) -> None:
    await begin(served)
    await act(served, "submit_diagnosis")
    shown = await page(served, "/episodes/e")
    contents = json.loads(hard.evidence.artifacts["data_slices.json"])["contents"]
    charts = len(contents["sources"]) * (len(contents["columns"]) + 1)
    assert shown.count('<figure class="slice') == charts
    assert shown.count("<title id=") == shown.count("<desc id=") == charts
    assert len(set(re.findall(r' id="([^"]+)"', shown))) == len(re.findall(r' id="([^"]+)"', shown))
    assert shown.count('class="faulty del') == shown.count('class="faulty add') == 1
    (repair,) = hard.truth.planted[0].patch
    assert f"agrees with the data: {repair.field} = {repair.value}" in shown
    assert 'id="differences"' in shown
    assert not re.search(r'\sstyle="|\son[a-z]+="', shown)


async def test_a_diff_without_a_guilty_change_says_that_the_data_changed(served: Served) -> None:
    seed = next(
        seed
        for seed in range(40)
        if truth_of("hard", seed).planted[0].fault_id == "stale_snapshot" and _is_unchanged(generate("hard", seed))
    )
    await served.reset(task_id="hard", seed=seed, episode_id="e")
    await act(served, "submit_diagnosis")
    assert "No change in the diff is guilty: the data changed." in await page(served, "/episodes/e")


def _is_unchanged(scenario: Scenario) -> bool:
    """Whether no commit changes the snapshot of a source."""
    lines = scenario.evidence.artifacts["changes.diff"].splitlines()
    return not any(line[:1] in "+-" and "snapshot" in line for line in lines if line)


async def test_experiments_are_a_table_that_begins_with_the_run_itself(served: Served, hard: Scenario) -> None:
    patch = [entry.model_dump(mode="json") for entry in hard.only_fault.patch]
    await begin(served)
    await act(served, "run_experiment", patch=[])
    own = re.findall(r"<tr[^>]*class=\"itself\">(.*?)</tr>", await page(served, "/episodes/e"), re.DOTALL)
    assert re.findall(r'<td class="number">(.*?)</td>', own[0]) == ["–"] * 4  # neither log nor results were read
    await act(served, "read_artifact", artifact_name="eval_results.json")
    await act(served, "run_experiment", patch=patch)
    await act(served, "submit_diagnosis")
    shown = await page(served, "/episodes/e")
    table = re.search(r'<table class="plain runs">(.*?)</table>', shown, re.DOTALL)
    assert table is not None
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", table[1], re.DOTALL)[1:]
    assert len(rows) == 3
    metrics = json.loads(hard.evidence.artifacts["eval_results.json"])["metrics"]
    assert f"{metrics['validation_accuracy']:g}" in rows[0]
    assert "only another training seed" in rows[1]
    assert f"{patch[0]['field']} = {patch[0]['value']}" in rows[2]


async def test_curves_are_drawn_from_the_log_of_several_sources(served: Served) -> None:
    await begin(served)
    await act(served, "read_logs")
    shown = await page(served, "/episodes/e")
    values = json.loads(re.findall(r"data-values>(.*?)</script>", shown)[0])["run"]
    assert values["epoch"] == list(range(1, len(values["epoch"]) + 1))
    assert None not in values["val_acc"]


async def test_an_expert_episode_with_two_faults_marks_both(served: Served) -> None:
    seed = next(seed for seed in range(40) if len(truth_of("expert", seed).planted) == 2)
    await served.reset(task_id="expert", seed=seed, episode_id="e")
    await served.step("e", {"action_type": "submit_diagnosis", "diagnoses": []})
    shown = await page(served, "/episodes/e")
    assert shown.count("agrees with the data: ") == 2
