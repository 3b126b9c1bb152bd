"""What a round derives from its secret, and that nothing that is known of it predicts what is not."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from itertools import product

import pytest

from domain.families.multi_source import DRAWN_ALONE, FAULTS, QUIET_FAULTS
from domain.faults import CATALOGUE, POOLS
from domain.faults.compositions import HEALTHY, SEPARATOR
from domain.generator import can_plant
from domain.ranking.rounds import AttemptId, attempt_fault, attempt_seed, commitment_to
from domain.tasks.suites import (
    RANKED_1,
    RANKED_2,
    RANKED_3,
    SUITES,
    Suite,
    UnknownEntryError,
    UnknownSuiteError,
    find_suite,
)
from domain.types import COMPOSED_TASK, TaskId

SECRET = bytes(range(32))
FIRST = AttemptId("spring", "ann", 1, 1)


def test_the_seed_is_the_first_128_bits_of_the_hmac_of_the_attempts_name() -> None:
    by_hand = hmac.new(SECRET, b'["spring","ann",1,1]', hashlib.sha256).hexdigest()
    assert f"{attempt_seed(SECRET, FIRST):032x}" == by_hand[:32]
    assert commitment_to(SECRET) == hashlib.sha256(SECRET).hexdigest()


def test_every_attempt_of_every_agent_has_a_seed_of_its_own() -> None:
    names = [AttemptId(*each) for each in product(("r", "s"), ("ann", "bob", "ann,1"), range(1, 10), range(1, 5))]
    assert len({attempt_seed(SECRET, each) for each in names}) == len(names)
    assert attempt_seed(bytes(32), FIRST) != attempt_seed(SECRET, FIRST)


@pytest.mark.parametrize("is_dealt", [False, True])
def test_the_fault_comes_from_the_mix_of_the_task_in_its_proportions(is_dealt: bool) -> None:
    suite = Suite(suite_id="small", entries=("easy", "hard"), mix={"easy": ("a", "a", "b")}, is_dealt=is_dealt)
    drawn = Counter(attempt_fault(SECRET, FIRST._replace(attempt=n), suite) for n in range(6000))
    print(f"a: {drawn['a'] / 6000:.3f}, expected 0.667")
    assert set(drawn) == {"a", "b"}
    assert abs(drawn["a"] / 6000 - 2 / 3) < 0.03


def test_a_dealt_suite_gives_no_fault_twice_within_an_attempt_at_all_entries() -> None:
    for number, (task_id, mix) in product(range(1, 20), RANKED_3.mix.items()):
        entries = [n for n, each in enumerate(RANKED_3.entries, start=1) if each == task_id]
        dealt = Counter(attempt_fault(SECRET, AttemptId("r", "ann", entry, number), RANKED_3) for entry in entries)
        assert all(count <= mix.count(fault) for fault, count in dealt.items())


@pytest.mark.parametrize("suite", [each for each in SUITES.values() if each.is_dealt], ids=lambda suite: suite.suite_id)
def test_a_task_of_a_dealt_suite_shows_at_most_a_quarter_of_its_mix(suite: Suite) -> None:
    """So that who counts what came knows hardly more of what comes: at most 1 of 3/4 of the mix."""
    for task_id, mix in suite.mix.items():
        assert 4 * suite.entries.count(task_id) <= len(mix)


def _named(fault: str) -> list[str]:
    return [] if fault == HEALTHY else fault.split(SEPARATOR)


@pytest.mark.parametrize("suite", [RANKED_1, RANKED_2], ids=lambda suite: suite.suite_id)
def test_a_suite_of_generator_4_draws_only_faults_that_the_catalogue_has(suite: Suite) -> None:
    """On whatever task the present generator has them: a suite never changes."""
    for faults in suite.mix.values():
        assert {name for fault in faults for name in _named(fault)} <= set(CATALOGUE)


@pytest.mark.parametrize("suite", [RANKED_3], ids=lambda suite: suite.suite_id)
def test_a_suite_of_this_generator_draws_what_the_tasks_plant_and_leaves_no_fault_out(suite: Suite) -> None:
    for task_id, faults in suite.mix.items():
        assert all(can_plant(task_id, fault) for fault in faults)
        planted = {name for fault in faults for name in _named(fault)}
        assert planted == set({**POOLS, "hard": FAULTS, "expert": QUIET_FAULTS}[task_id])


def test_hard_entries_draw_faults_as_often_as_the_task_does() -> None:
    assert Counter(RANKED_3.mix["hard"]) == Counter(DRAWN_ALONE)


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.suite_id)
def test_every_entry_of_a_suite_has_a_mix(suite: Suite) -> None:
    assert set(suite.entries) == set(suite.mix)


@pytest.mark.parametrize(
    ("suite", "stated"), [(RANKED_2, {0: 6, 1: 12, 2: 12}), (RANKED_3, {0: 8, 1: 16, 2: 8})], ids=["2", "3"]
)
def test_expert_entries_hold_none_one_and_two_faults_as_stated(suite: Suite, stated: dict[int, int]) -> None:
    assert Counter(len(_named(fault)) for fault in suite.mix[COMPOSED_TASK]) == stated


@pytest.mark.parametrize(
    ("suite", "digest"),
    [
        (RANKED_1, "4cc24743f565a5743cb66a3af856a34d5f35ace9362c3e75d1379c789950cc7e"),
        (RANKED_2, "623b3e251bf5fe56ea74894687683913d0f8c05b0bc574b1cd8e883444f4447d"),
        (RANKED_3, "5639eb9ad93003677409718a620d0ccf2125d27cce3d2ca5fa4f0b13c0684308"),
    ],
)
def test_a_published_suite_never_changes(suite: Suite, digest: str) -> None:
    assert suite.digest == digest


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.suite_id)
def test_every_fault_of_every_task_has_a_name_of_its_own_on_a_board(suite: Suite) -> None:
    planted = {(task_id, fault) for task_id, faults in suite.mix.items() for fault in faults}
    assert set(suite.strata.values()) == planted


def test_an_unknown_suite_or_entry_is_reported() -> None:
    with pytest.raises(UnknownSuiteError):
        find_suite("ranked-0")
    for entry in (0, 10, -1):
        with pytest.raises(UnknownEntryError):
            RANKED_1.task_of(entry)


def _counts_cards(seen: list[str], mix: tuple[str, ...]) -> str:
    """Guesses the fault that came least often so far, which wins against a shuffled deck."""
    return min(mix, key=lambda fault: (seen.count(fault), mix.index(fault)))


def _expects_streaks(seen: list[str], mix: tuple[str, ...]) -> str:
    return max(mix, key=lambda fault: (seen.count(fault), mix.index(fault)))


def _copies_the_other(seen: list[str], mix: tuple[str, ...]) -> str:
    return seen[-1] if seen else mix[0]


@pytest.mark.parametrize("predict", [_counts_cards, _expects_streaks, _copies_the_other])
def test_finished_attempts_of_all_agents_predict_the_next_fault_no_better_than_the_mix(predict: object) -> None:
    right = total = 0
    for number in range(60):
        seen: dict[TaskId, list[str]] = {task_id: [] for task_id in RANKED_1.mix}
        for attempt, entry, agent in product(range(1, 5), range(1, 10), ("ann", "bob")):
            task_id = RANKED_1.task_of(entry)
            fault = attempt_fault(SECRET, AttemptId(f"r{number}", agent, entry, attempt), RANKED_1)
            right += predict(seen[task_id], RANKED_1.mix[task_id]) == fault  # type: ignore[operator]
            total += 1
            seen[task_id].append(fault)
    expected, error = total / 3, (total * 2 / 9) ** 0.5
    print(f"{predict.__name__}: {right} of {total} right, the mix alone {expected:.0f} +- {error:.0f}")  # type: ignore[attr-defined]
    assert abs(right - expected) < 4 * error
