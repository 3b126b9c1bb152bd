"""Reading the board of a round that is played on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from domain.tasks.suites import RANKED_3
from server.web.pages.board.view import SHOWN_FAULTS
from tests.browser.conftest import Open
from tests.e2e.playing import diagnosis_from, open_client, truth_of
from tests.e2e.running import ServerProcess, run_command_in_process

BOARD = "/leaderboard?round=spring"
BOX = "(all) => all.map((each) => [each.getBBox().x, each.getBBox().width, each.getBBox().height])"
CUT = """() => [...document.querySelectorAll("main *")].filter((each) => {
  const { overflowX } = getComputedStyle(each);
  return /auto|scroll|hidden/.test(overflowX) && !each.closest(".unseen-text, details:not([open]), svg") &&
    getComputedStyle(each).textOverflow !== "ellipsis" && each.scrollWidth > each.clientWidth + 1;
}).map((each) => `${each.tagName} ${each.getAttribute("aria-label")} ${each.scrollWidth} in ${each.clientWidth}`)"""
"""Elements whose content is wider than they are, without those that end in an ellipsis."""
FILLED = """(all) => all.forEach((row) => {
  const put = (of, text) => row.querySelectorAll(of).forEach((each) => { each.textContent = text; });
  put(".of-agent a, td.agent a", "a-name-".repeat(8));
  put(".of-agent .kind", "incomplete");
  put(".of-interval .quiet", "0.123 to 0.456");
  put("td[data-label^=pass], td[data-label=right]", "100 %");
  put("td[data-label=attempts]", "1432 of 1432");
  put("td[data-label=cost]", "$12.3456");
  put("td[data-label=tokens]", "12 345 678");
  put("td.rank", "12–34");
  put(".of-fault:not(.sealed) span, .of-answer span", "evaluation_rows_in_training_of_a_source");
  put(".of-fault.sealed span", "shown when the round closes");
  put(".of-status", "deadline passed");
  put(".of-steps", "22 / 22");
})"""
"""Fills a row with the widest content of each column."""
OF_ONE_FAULT = [entry for entry in range(1, 19) if RANKED_3.task_of(entry) != "expert"]
"""Entries where one diagnosis is submitted."""


@pytest.fixture(scope="module")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with a closed round in which two agents and an attack have played, and an open one that one has begun."""
    process = ServerProcess(tmp_path_factory.mktemp("ranked"))
    kinds = {"careful": "agent", "hasty": "agent", "injection": "attack"}
    keys = {
        name: _command("keys", "create", name, "--kind", kind, database=process.database)
        for name, kind in kinds.items()
    }
    _command("rounds", "open", "--suite", "ranked-3", "--attempts", "1", "--name", "spring", database=process.database)
    process.start()
    with open_client(process.url) as http:
        guess = diagnosis_from(truth_of(http, "easy", 5))
        for at, key in enumerate(keys.values()):
            http.headers["Authorization"] = f"Bearer {key}"
            for entry in OF_ONE_FAULT[: 9 if at < 2 else 2]:
                begun = http.post("/reset", json={"round": "spring", "entry": entry}).json()["info"]["episode_id"]
                for action in ("read_config", "read_logs", "inspect_preprocessing")[: 3 - at]:
                    http.post("/step", json={"episode_id": begun, "action": {"action_type": action}})
                said = {"tokens": 4000 * (at + 1), "cost_usd": 0.02 * (3 - at) ** 2}
                action = {**guess, "confidence": 0.9 - 0.3 * (entry % 2), "metadata": {"reported": said}}
                http.post("/step", json={"episode_id": begun, "action": action}).raise_for_status()
        _command("rounds", "close", "spring", database=process.database)
        _command("rounds", "open", "--suite", "ranked-3", "--name", "summer", database=process.database)
        begun = http.post("/reset", json={"round": "summer", "entry": 1}).json()["info"]["episode_id"]
        http.post("/step", json={"episode_id": begun, "action": guess}).raise_for_status()
    yield process
    process.stop()


def _command(*arguments: str, database: Path) -> str:
    done = run_command_in_process(*arguments, "--database", str(database))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)])
def test_the_board_is_read(ranked: ServerProcess, watch: Open, scheme: str, width: int) -> None:
    watched = watch(ranked.url, color_scheme=scheme, viewport={"width": width, "height": 900})
    page = watched.open(BOARD)
    expect(page.locator("h1")).to_have_text("spring")
    rows = page.locator("table.board tbody tr")
    expect(rows).to_have_count(3)
    expect(page.locator("tr.attack")).to_contain_text("injection")
    expect(page.locator(".heatmap").first.locator("thead th")).to_have_count(3)
    expect(page.locator(".heatmap").first.locator("tbody tr")).to_have_count(SHOWN_FAULTS)
    expect(page.locator("[data-chart] canvas")).to_have_count(1)
    expect(page.locator(".reliability")).to_have_count(3)
    expect(page.get_by_role("region", name="Scores of five kinds of programs")).to_contain_text("checks only")
    expect(page.locator("td.in-band").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    watched.check_accessibility()
    watched.shoot(f"board-{scheme}-{width}")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)])
def test_an_open_board_and_the_list_of_rounds_are_read(
    ranked: ServerProcess, watch: Open, scheme: str, width: int
) -> None:
    watched = watch(ranked.url, color_scheme=scheme, viewport={"width": width, "height": 900})
    page = watched.open("/rounds")
    expect(page.locator("section.round")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    watched.check_accessibility()
    watched.shoot(f"rounds-{scheme}-{width}")
    page.get_by_role("link", name="summer", exact=True).click()
    expect(page.locator("h1")).to_have_text("summer")
    expect(page.locator(".heatmap")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    watched.check_accessibility()
    watched.shoot(f"board-open-{scheme}-{width}")
    with open_client(ranked.url) as http:
        (attempt,) = http.get("/episodes.json?round=summer").json()["episodes"]
    page = watched.open(f"/episodes/{attempt['episode_id']}")
    expect(page.locator("p.note")).to_contain_text("when the round closes")
    expect(page.locator(".timeline li")).to_have_count(2)
    expect(page.get_by_role("heading", name="Verdict")).to_have_count(0)
    watched.check_accessibility()
    watched.shoot(f"attempt-of-an-open-round-{scheme}-{width}")


def test_the_board_is_sorted_by_a_column_and_back(ranked: ServerProcess, watch: Open) -> None:
    page = watch(ranked.url).open(BOARD)
    agents = page.locator("table.board tbody th")
    by_rank = agents.all_inner_texts()
    page.get_by_role("columnheader", name="Agent").get_by_role("button").click()
    assert [each.split()[0] for each in agents.all_inner_texts()] == ["careful", "hasty", "injection"]
    page.get_by_role("columnheader", name="Rank").get_by_role("button").click()
    assert agents.all_inner_texts() == by_rank


@pytest.mark.parametrize("path", [BOARD, "/leaderboard?round=summer", "/episodes", "/rounds", "/agent?name=careful"])
def test_nothing_is_wider_than_its_box_on_a_screen_of_1280_pixels(
    ranked: ServerProcess, watch: Open, path: str
) -> None:
    page = watch(ranked.url).open(path)
    page.locator("details.numbers").evaluate_all("(all) => all.forEach((each) => { each.open = true; })")
    assert page.evaluate(CUT) == []
    page.locator("table.list tbody tr").evaluate_all(FILLED)
    assert page.evaluate(CUT) == []


def test_agent_and_score_stay_while_the_other_columns_are_scrolled(ranked: ServerProcess, watch: Open) -> None:
    page = watch(ranked.url, viewport={"width": 1000, "height": 900}).open(BOARD)
    table = page.locator("div.scroll[aria-label=Agents]")
    left = table.evaluate("(each) => { each.scrollLeft = each.scrollWidth; return each.getBoundingClientRect().left; }")
    assert table.evaluate("(each) => each.scrollLeft") > 100
    row = page.locator("table.board tbody tr").first
    agent, score = (row.locator(name).bounding_box() for name in (".of-agent", ".of-interval"))
    assert agent is not None
    assert score is not None
    assert abs(agent["x"] - left) < 2
    assert abs(score["x"] - agent["x"] - agent["width"]) < 2


def test_marks_are_whole_beside_a_name_that_is_cut(ranked: ServerProcess, watch: Open) -> None:
    page = watch(ranked.url, viewport={"width": 1440, "height": 900}).open(BOARD)
    for row in page.locator("table.board tbody th").all():
        row.locator("a").evaluate("(each) => { each.textContent = 'a-name-'.repeat(20); }")
        ends = row.evaluate("(each) => [...each.children].map((mark) => mark.getBoundingClientRect().right)")
        assert max(ends) <= row.evaluate("(each) => each.getBoundingClientRect().right")


def test_the_bars_of_the_calibration_are_as_high_as_the_shares(ranked: ServerProcess, watch: Open) -> None:
    page = watch(ranked.url).open(BOARD)
    with open_client(ranked.url) as http:
        rows = http.get("/leaderboard.json?round=spring").json()["rows"]
    for row in rows:
        figure = page.locator(".reliability", has=page.locator(f"figcaption[title='{row['agent']}']"))
        boxes = figure.locator("rect.share").evaluate_all(BOX)
        expected = [[100 * each["low"] + 1, 8, max(100 * each["share_right"], 2)] for each in row["calibration"]]
        assert [[round(value) for value in box] for box in boxes] == [
            [round(value) for value in box] for box in expected
        ]


def test_baselines_and_attacks_are_hidden_by_the_switch(ranked: ServerProcess, watch: Open) -> None:
    page = watch(ranked.url).open(BOARD)
    expect(page.locator("tr.attack")).to_be_visible()
    page.get_by_label("Baselines and attacks").uncheck()
    expect(page.locator("tr.attack")).to_be_hidden()


def test_the_board_leads_to_an_agents_episodes_and_to_downloads(ranked: ServerProcess, watch: Open) -> None:
    page = watch(ranked.url).open(BOARD)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "leaderboard-spring.csv"
    page.get_by_role("link", name="careful").first.click()
    expect(page.locator("h1")).to_have_text("careful")
    expect(page.locator("table.episodes tbody tr")).to_have_count(9)
    page.locator("table.episodes tbody th a").first.click()
    expect(page.locator("dl.facts").first).to_contain_text("spring")


def test_without_scripts_the_plots_are_tables(ranked: ServerProcess, watch: Open) -> None:
    page = watch(ranked.url, java_script_enabled=False).open(BOARD)
    page.locator("#cost ~ details summary").click()
    expect(page.get_by_role("region", name="Numbers of the cost plot")).to_contain_text("careful")
