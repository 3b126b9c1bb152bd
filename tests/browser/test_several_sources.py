"""The page of an episode on several sources, after its end: readable at every width and in every light, with and without scripts."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from itertools import product

import httpx
import pytest
from playwright.sync_api import expect

from domain.generator import generate
from domain.scenario import Scenario
from domain.types import TaskId
from server.web.pages.episode.changes import Cause, guilty_lines
from tests.browser.conftest import Open
from tests.e2e.playing import Episode, truth_of
from tests.profiles import smoke


def _changed_once(scenario: Scenario) -> bool:
    """Whether the root cause is declared for a source, by one line of the diff."""
    (truth,) = scenario.truth.planted
    diff = scenario.evidence.artifacts["changes.diff"].split("\n")
    cause = Cause(truth.root_cause_file, truth.root_cause_field, "")
    guilt = guilty_lines(diff, scenario.evidence.artifacts, [cause])
    added = [diff[at] for at in guilt.lines if diff[at].startswith("+")]
    return truth.root_cause_file == "data_sources.yaml" and len(added) == 1


def _in_two_columns(scenario: Scenario) -> bool:
    return sum(".columns." in truth.root_cause_field for truth in scenario.truth.planted) == 2


def first_seed(task_id: TaskId, is_wanted: Callable[[Scenario], bool]) -> int:
    """The first seed whose scenario is as wanted."""
    return next(seed for seed in itertools.count(1) if is_wanted(generate(task_id, seed)))


SEED = first_seed("hard", _changed_once)
EXPERT_SEED = first_seed("expert", _in_two_columns)
"""Plants two faults in columns of sources."""
SIGHTS = list(product((1440, 390), ("light", "dark")))


@pytest.fixture(scope="module")
def played(server: object) -> str:
    """A hard episode: sources and diff read at steps 1 and 2, a block of the slices queried at step 4, two experiments."""
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=60.0) as http:  # type: ignore[attr-defined]
        truth = truth_of(http, "hard", SEED)
        episode = Episode(http, task_id="hard", seed=SEED, agent="compares-sources")
        episode.step("read_artifact", artifact_name="data_sources.yaml")
        episode.step("read_artifact", artifact_name="changes.diff")
        contents = json.loads(episode.text_of("data_slices.json"))
        block = f"{contents['sources'][0]}.{contents['columns'][0]}"
        episode.step("query_artifact", artifact_name="data_slices.json", field_path=block)
        episode.step("run_experiment", patch=[])
        episode.step("run_experiment", patch=truth["patch"])
        episode.step("submit_diagnosis", failure_category="label_mismatch", root_cause_file="data_sources.yaml")
        return episode.id


@pytest.mark.parametrize("sight", smoke(SIGHTS, lambda sight: sight in (SIGHTS[0], SIGHTS[-1])), ids=map(str, SIGHTS))
def test_it_fits_and_is_accessible_at_every_width_in_every_light(
    played: str, watch: Open, sight: tuple[int, str]
) -> None:
    width, scheme = sight
    watched = watch(color_scheme=scheme, viewport={"width": width, "height": 900})
    page = watched.open(f"/episodes/{played}")
    expect(page.locator("[data-plot] canvas")).to_have_count(2)
    for name in ("experiments", "sources", "slices", "differences"):
        expect(page.locator(f"#{name}")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    widest = page.evaluate(
        "Math.max(...[...document.querySelectorAll('.slice')].map((each) => each.getBoundingClientRect().right))"
    )
    assert widest <= width
    watched.check_accessibility()
    watched.shoot(f"several-sources-{scheme}-{width}")


def test_an_expert_episode_with_two_long_paths_fits_on_a_phone(http: httpx.Client, watch: Open) -> None:
    episode = Episode(http, task_id="expert", seed=EXPERT_SEED)
    episode.play({"action_type": "submit_diagnosis", "diagnoses": []})
    page = watch(viewport={"width": 390, "height": 844}).open(f"/episodes/{episode.id}")
    expect(page.locator(".truth")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_slices_and_experiments_follow_the_step(played: str, watch: Open) -> None:
    page = watch().open(f"/episodes/{played}?step=3")
    queried, experiments = page.locator(".slice:not(.unseen)"), page.locator("table.runs tr[data-view]:not(.unseen)")
    expect(queried).to_have_count(0)
    expect(experiments).to_have_count(0)
    page.keyboard.press("ArrowRight")
    expect(queried).to_have_count(1)
    expect(queried).to_contain_text("step 4")
    slices = page.locator("[data-artifact]", has=page.locator("code", has_text="data_slices.json")).first
    expect(slices.locator("[data-seen-words]")).to_contain_text("1 block queried")
    page.keyboard.press("End")
    expect(experiments).to_have_count(2)
    page.keyboard.press("Home")
    expect(page.locator("table.sources td:not(.unseen)")).to_have_count(0)


def test_an_experiment_leads_to_its_step(played: str, watch: Open) -> None:
    page = watch().open(f"/episodes/{played}")
    page.get_by_role("link", name="experiment 1", exact=True).click()
    expect(page.locator("output[data-place]")).to_have_text("5")
    expect(page.locator(".panel:visible")).to_contain_text("Ran experiment 1")
    expect(page.locator(".panel:visible")).to_be_in_viewport()


def test_the_fault_and_the_guilty_change_are_scrolled_to_in_their_artifacts(played: str, watch: Open) -> None:
    page = watch().open(f"/episodes/{played}")
    declared = page.locator("li.faulty", has_text="agrees with the data")
    changed = page.locator("li.faulty.add")
    for line in (declared, changed):
        expect(line).to_have_count(1)
        line.scroll_into_view_if_needed()
        inside = line.evaluate(
            "(each) => { const own = each.getBoundingClientRect(), code = each.closest('.code').getBoundingClientRect();"
            " return own.top >= code.top && own.bottom <= code.bottom; }"
        )
        assert inside


def test_without_scripts_every_chart_and_its_numbers_are_there(played: str, watch: Open) -> None:
    contents = json.loads(generate("hard", SEED).evidence.artifacts["data_slices.json"])["contents"]
    page = watch(java_script_enabled=False).open(f"/episodes/{played}?step=4")
    expect(page.locator(".slice svg")).to_have_count(len(contents["sources"]) * (len(contents["columns"]) + 1))
    expect(page.locator(".slice:not(.unseen)")).to_have_count(1)
    page.locator(".slices summary").first.click()
    expect(page.locator(".slices table").first).to_contain_text("±")
