"""The board of a round over HTTP: every attempt counted, attacks and baselines marked, as JSON and CSV."""

from __future__ import annotations

import asyncio
import csv
import io
import itertools
import random
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.ranking.statistics import Estimate, Outcome, estimate_score, is_better
from domain.tasks.suites import RANKED_1, RANKED_2, RANKED_3, Suite
from domain.types import COMPOSED_TASK
from server.ranking.board import CSV_COLUMNS, has_ranks
from server.ranking.leaderboard import read_board_with_ranks
from server.security.api_keys import create_key
from server.security.identity import KeyKind
from server.settings import Settings
from server.storage.schema import audits
from tests.hand_made import REPAIR
from tests.operating import changed
from tests.served import Served, assert_problem, serving
from tests.server.audit.test_store_audit import tamper
from tests.server.ranking.test_rounds import NOW, closed, opened

GOOD = {
    "action_type": "submit_diagnosis",
    "failure_category": "data_leakage",
    "root_cause_file": "preprocessing.py",
    "root_cause_field": "StandardScaler.fit_transform",
    "patch": [REPAIR.model_dump()],
    "confidence": 0.9,
    "metadata": {"reported": {"tokens": 100, "cost_usd": 0.25}},
}
BAD = {"action_type": "submit_diagnosis", "confidence": 0.9}


def key_of(settings: Settings, name: str, kind: KeyKind = "agent") -> str:
    return changed(settings, lambda connection: create_key(connection, name, ("agent",), kind=kind, now=NOW))


async def play(served: Served, key: str, diagnosis: dict[str, Any], *, entries: int = 9, attempts: int = 2) -> None:
    served.client.headers["Authorization"] = f"Bearer {key}"
    for attempt in range(1, attempts + 1):
        for entry in range(1, entries + 1):
            begun = await served.reset(round="spring", entry=entry, attempt=attempt)
            is_expert = begun["observation"]["task_id"] == COMPOSED_TASK
            await served.step(begun["info"]["episode_id"], as_list(diagnosis) if is_expert else diagnosis)


def as_list(diagnosis: dict[str, Any]) -> dict[str, Any]:
    """A diagnosis as the expert task takes it."""
    beside = ("action_type", "metadata")
    one = {name: value for name, value in diagnosis.items() if name not in beside}
    return {name: diagnosis[name] for name in beside if name in diagnosis} | {"diagnoses": [one]}


@pytest.fixture
async def played(settings: Settings) -> AsyncIterator[Served]:
    opened(settings)
    names: list[tuple[str, KeyKind]] = [("good", "agent"), ("bad", "baseline"), ("=cheat", "attack")]
    made = {name: key_of(settings, name, kind) for name, kind in names}
    async with serving(settings) as served:
        await play(served, made["good"], GOOD)
        await play(served, made["bad"], BAD)
        await play(served, made["=cheat"], BAD, entries=1, attempts=1)
        await served.reset(round="spring", entry=2)
        del served.client.headers["Authorization"]
        yield served


async def board(served: Served, **query: str) -> dict[str, Any]:
    response = await served.client.get("/leaderboard.json", params=query)
    assert response.status_code == 200, response.text
    read: dict[str, Any] = response.json()
    return read


async def test_the_board_lists_by_score_and_marks_kinds(played: Served) -> None:
    shown = await board(played)
    rows = {row["agent"]: row for row in shown["rows"]}
    assert (shown["round"], shown["closed_at"], shown["attempts_allowed"]) == ("spring", None, 2)
    assert [row["agent"] for row in shown["rows"]] == ["good", "=cheat", "bad"]
    assert [rows[name]["kind"] for name in ("good", "bad", "=cheat")] == ["agent", "baseline", "attack"]
    assert (rows["good"]["score"], rows["good"]["pass_1"], rows["good"]["pass_k"]) == (0.99, 1.0, {"1": 1.0, "2": 1.0})
    assert rows["=cheat"]["attempts"] == {"used": 2, "running": 1, "allowed": 18}
    assert (rows["=cheat"]["complete"], rows["=cheat"]["entries_never_attempted"]) == (False, 8)


@pytest.mark.parametrize(
    ("suite", "allowed", "expected"),
    [
        (RANKED_1, 4, [1, 2]),
        (RANKED_1, 8, [1, 2]),
        (RANKED_1, 3, [None] * 2),
        (RANKED_2, 4, [None] * 2),
        (RANKED_2, 40, [None] * 2),
    ],
)
async def test_ranks_are_shown_only_where_intervals_hold(
    settings: Settings, suite: Suite, allowed: int, expected: list[int | None]
) -> None:
    opened(settings, allowed=allowed, suite=suite)
    made = [key_of(settings, name) for name in ("good", "bad")]
    async with serving(settings) as served:
        await play(served, made[0], GOOD, entries=3, attempts=2)
        await play(served, made[1], BAD, entries=3, attempts=2)
        shown = await board(served)
        table = (await served.client.get("/leaderboard.csv")).text.splitlines()[1:]
        page = (await served.client.get("/leaderboard")).text
    assert [row["agent"] for row in shown["rows"]] == ["good", "bad"]
    assert ([row["rank"] for row in shown["rows"]], shown["has_ranks"]) == (expected, expected[0] is not None)
    assert [line.split(",")[0] for line in table] == [str(each or "") for each in expected]
    assert re.findall(r'<td class="number rank"[^>]*>(.*?)</td>', page) == [str(each or "–") for each in expected]


async def test_a_rank_is_a_range_of_places_of_agents_that_attempted_everything(settings: Settings) -> None:
    opened(settings, allowed=2, suite=RANKED_3)
    kinds: dict[str, KeyKind] = {"good": "agent", "bad": "agent", "worse": "agent", "half": "agent", "base": "baseline"}
    made = {name: key_of(settings, name, kind) for name, kind in kinds.items()}
    async with serving(settings) as served:
        for name, attempts, entries in (
            ("good", 2, 18),
            ("bad", 2, 18),
            ("worse", 2, 18),
            ("half", 1, 9),
            ("base", 2, 18),
        ):
            await play(served, made[name], GOOD if name == "good" else BAD, entries=entries, attempts=attempts)
        rows = {row["agent"]: row for row in (await board(served))["rows"]}
        page = (await served.client.get("/leaderboard")).text
    assert {name: (row["rank"], row["worst_rank"]) for name, row in rows.items()} == {
        "good": (1, 1),
        "bad": (2, 3),
        "worse": (2, 3),
        "half": (None, None),
        "base": (None, None),
    }
    assert rows["good"]["interval"][0] < rows["good"]["score"] <= rows["good"]["interval"][1]
    assert (rows["good"]["accuracy"], rows["good"]["skill"], rows["bad"]["accuracy"]) == (1.0, None, 0.0)
    assert "pass_k" not in rows["good"]
    assert set(re.findall(r'<td class="number rank"[^>]*>(.*?)</td>', page)) == {"1", "2–3", "–"}


async def test_few_attempts_have_no_interval(settings: Settings) -> None:
    opened(settings, allowed=1, suite=RANKED_3)
    key = key_of(settings, "new")
    async with serving(settings) as served:
        await play(served, key, GOOD, entries=7, attempts=1)
        (row,) = (await board(served))["rows"]
        table = (await served.client.get("/leaderboard.csv")).text.splitlines()
    assert (row["interval"], row["detectable_difference"], row["pass_1_interval"], row["rank"]) == (None,) * 4
    assert dict(zip(table[0].split(","), table[1].split(","), strict=True))["low"] == ""


@pytest.mark.parametrize(("suite", "attempts"), [(RANKED_1, 1), (RANKED_1, 4), (RANKED_2, 2), (RANKED_2, 4)])
def test_equal_agents_are_separated_where_a_board_has_no_ranks_and_seldom_where_it_has(
    suite: Suite, attempts: int
) -> None:
    draw = random.Random(7)
    means = {stratum: draw.choice((0.1, 0.9)) for stratum in sorted(set(suite.strata.values()))}

    def whole_round(luck: random.Random) -> Estimate:
        outcomes = []
        for attempt, (entry, task) in itertools.product(range(attempts), enumerate(suite.entries, start=1)):
            fault = luck.choice(suite.mix[task])
            score = min(0.99, max(0.01, luck.gauss(means[task, fault], 0.08)))
            outcomes.append(
                Outcome(entry=entry, attempt=attempt + 1, task_id=task, fault_id=fault, score=score, steps=5)
            )
        return estimate_score(outcomes, suite)

    apart = 0
    for seed in range(100):
        one, other = (whole_round(random.Random(2 * seed + side)) for side in (0, 1))
        apart += is_better(one, other) or is_better(other, one)
    print(f"{suite.suite_id}, {attempts} attempts: equal agents are told apart in {apart} of 100 pairs")
    assert (apart < 15) == has_ranks(suite.suite_id, attempts)


async def test_the_earlier_form_of_a_board_has_ranks_for_every_suite(played: Served) -> None:
    async with played.services.reader.connect() as connection:
        found = await connection.run_sync(lambda opened: read_board_with_ranks(opened, "spring"))
    assert ({row["agent"]: row["rank"] for row in found["rows"]}, "has_ranks" in found) == (
        {"good": 1, "bad": 2, "=cheat": 2},
        False,
    )


async def test_what_clients_report_is_marked_as_theirs(played: Served) -> None:
    rows = {row["agent"]: row for row in (await board(played))["rows"]}
    reported = {"attempts": 18, "tokens": 1800, "cost_usd": 4.5, "cost_usd_per_attempt": 0.25}
    assert rows["good"]["client_reported"] == reported
    assert (rows["good"]["on_frontier"], rows["bad"]["on_frontier"]) == (True, None)


async def test_calibration_shows_who_is_sure_and_wrong(played: Served) -> None:
    rows = {row["agent"]: row for row in (await board(played))["rows"]}
    assert (rows["good"]["brier"], rows["bad"]["brier"]) == (0.01, 0.81)
    (only,) = rows["bad"]["calibration"]
    assert (only["attempts"], only["mean_confidence"], only["share_right"]) == (18, 0.9, 0.0)


async def test_unfinished_attempts_count_with_the_floor_once_the_round_is_closed(
    played: Served, settings: Settings
) -> None:
    await closed(played, settings)
    rows = {row["agent"]: row for row in (await board(played, round="spring"))["rows"]}
    assert rows["=cheat"]["attempts"] == {"used": 2, "running": 0, "allowed": 18}
    assert rows["=cheat"]["tasks"]["medium"] == {"attempts": 1, "mean": 0.01}


async def test_a_row_is_verified_once_all_its_ended_attempts_were_audited(played: Served, settings: Settings) -> None:
    async def verified() -> dict[str, bool]:
        return {row["agent"]: row["verified"] for row in (await board(played))["rows"]}

    assert set((await verified()).values()) == {False}
    assert await played.services.auditor.audit_pending() == 37
    assert set((await verified()).values()) == {True}
    assert await played.services.auditor.audit_pending() == 0
    tamper(settings, "UPDATE attempts SET score = 0.9 WHERE agent = 'bad' AND entry = 1 AND attempt = 1")
    changed(settings, lambda connection: connection.execute(audits.delete()))
    assert await played.services.auditor.audit_pending() == 37
    assert await verified() == {"good": True, "bad": False, "=cheat": True}


@pytest.mark.parametrize("page", ["/leaderboard", "/leaderboard.json", "/leaderboard.csv"])
async def test_a_board_is_computed_once_for_all_who_ask_until_something_of_it_changes(
    played: Served, settings: Settings, page: str
) -> None:
    boards = played.services.boards
    answers = await asyncio.gather(*(played.client.get(page) for _ in range(20)))
    assert {each.status_code for each in answers} == {200}
    assert boards.computed == 1
    await played.reset(episode_id="practice")
    await played.client.get(page)
    assert boards.computed == 1
    played.client.headers["Authorization"] = f"Bearer {key_of(settings, 'late')}"
    await played.client.get(page)
    assert boards.computed == 2  # another connection has written, if only a key
    await played.reset(round="spring", entry=1)
    changed_answer = await played.client.get(page)
    assert boards.computed == 3
    assert "late" in changed_answer.text
    assert "late" not in answers[0].text


@pytest.mark.both_backends
async def test_the_attempts_at_another_server_are_on_the_board_at_once(settings: Settings) -> None:
    opened(settings)
    key = key_of(settings, "good")
    async with serving(settings) as here, serving(settings) as there:
        assert (await board(here))["rows"] == []
        await play(there, key, GOOD, entries=1, attempts=1)
        (row,) = (await board(here))["rows"]
        assert row["attempts"]["used"] == 1


async def test_practice_never_enters_the_board(played: Served) -> None:
    before = await board(played)
    await played.reset(episode_id="p", task_id="medium")
    await played.step("p", GOOD)
    assert await board(played) == before


async def test_the_csv_has_the_same_rows_and_no_formulas(played: Served) -> None:
    response = await played.client.get("/leaderboard.csv")
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert response.headers["content-type"].startswith("text/csv")
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [row["agent"] for row in rows] == ["good", "bad", "'=cheat"] or rows[1]["agent"] == "'=cheat"
    assert rows[0]["score"] == "0.99"


@pytest.mark.parametrize(
    "query", [{"round": "autumn"}, {"suite": "ranked-0"}, {"round": "spring", "suite": "ranked-0"}]
)
async def test_an_unknown_round_or_suite_is_reported(played: Served, query: dict[str, str]) -> None:
    assert_problem(await played.client.get("/leaderboard.json", params=query), 404, "unknown_round")


async def test_without_a_round_there_is_no_board(served: Served) -> None:
    shown = await board(served)
    assert (shown["round"], shown["rows"], shown["has_ranks"]) == (None, [], False)
    table = await served.client.get("/leaderboard.csv")
    assert (table.status_code, table.text.splitlines()) == (200, [",".join(CSV_COLUMNS)])
    for query in ({"round": "x"}, {"suite": "ranked-1"}, {"rubric_version": "2"}):
        for form in ("json", "csv"):
            assert_problem(await served.client.get(f"/leaderboard.{form}", params=query), 404, "unknown_round")
