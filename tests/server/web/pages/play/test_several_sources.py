"""Playing an episode on several sources: fields are paths with names of the run."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from domain.families import registry_of
from domain.generator import generate
from server.scenarios.simulation import InProcessSimulation
from server.settings import Settings
from server.web.pages.play.forms import FilesOfFields
from tests.served import Served, serving
from tests.server.web.pages.play.test_page import Player

SEED = 3


@pytest.mark.parametrize(
    ("field", "file"),
    [
        ("sources.mill.columns.load.unit", "data_sources.yaml"),
        ("sources[mill].used_until", "data_sources.yaml"),
        ("sources['mill'].tokenizer", "data_sources.yaml"),
        ("features.load.as_of", "preprocessing.py"),
        ("loss.divide_by", "train.py"),
        ("optimizer.momentum", "config.yaml"),
        ("sources.mill.unit", None),
        ("optimizer_momentum", None),
    ],
)
def test_the_file_of_a_path_is_found_by_its_pattern(field: str, file: str | None) -> None:
    assert FilesOfFields(registry_of("multi_source")).get(field) == file


@pytest.fixture
async def served(settings: Settings) -> AsyncIterator[Served]:
    async with serving(settings, simulation=InProcessSimulation()) as running:
        yield running


@pytest.fixture
async def player(served: Served) -> Player:
    player = Player(served.client)
    await player.open()
    response = await player.send("/play/begin", task_id="hard", seed=str(SEED))
    assert response.status_code == 303
    await player.open()
    return player


async def test_the_fields_that_are_offered_are_those_of_the_run(player: Player) -> None:
    assert '<option value="sources.{source}.label_map">' in player.page
    assert "StandardScaler" not in player.page


async def test_an_experiment_with_a_path_of_the_run_is_run_and_listed(player: Player) -> None:
    (repair,) = generate("hard", SEED).only_fault.patch
    page = await player.act(action_type="run_experiment", patch_field=repair.field, patch_value=str(repair.value))
    assert 'aria-label="Table of experiments"' in page
    assert f"{repair.field} = {repair.value}" in page


async def test_a_path_that_no_file_declares_is_refused_as_it_is_to_an_agent(player: Player) -> None:
    page = await player.act(action_type="run_experiment", patch_field="sources.mill.colour", patch_value="red")
    assert "data_sources.yaml has no field sources.mill.colour" in page
    assert "Steps</dt><dd>1 of" in page
    assert "3 left" in page


async def test_what_was_queried_of_the_slices_is_drawn(player: Player) -> None:
    contents = json.loads(generate("hard", SEED).evidence.artifacts["data_slices.json"])["contents"]
    block = f"{contents['sources'][0]}.{contents['columns'][0]}"
    page = await player.act(action_type="query_artifact", artifact_name="data_slices.json", field_path=block)
    assert page.count('<figure class="slice') == 1
