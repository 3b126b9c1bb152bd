"""What is read of the list's address."""

from __future__ import annotations

from server.web.pages.episode_list.filter import read_asked


def test_blank_values_ask_for_nothing() -> None:
    asked = read_asked({"q": " ", "task": "", "sort": ""})
    assert asked.filter.query() == "?"
    assert asked.dropped == ()


def test_what_cannot_be_read_is_dropped_and_told_and_the_rest_counts() -> None:
    asked = read_asked({"task": "impossible", "least_score": "nan", "status": "running", "after": "12"})
    assert asked.dropped == ("task", "least_score")
    assert asked.filter.status == "running"
    assert asked.after is None


def test_a_filter_survives_its_address() -> None:
    query = {"agent": "a b&c", "least_score": "0.5", "sort": "best", "after": "~12"}
    asked = read_asked(query)
    assert asked.after == 12
    assert asked.filter.query() == "?agent=a+b%26c&least_score=0.5&sort=best"


def test_score_and_steps_are_of_episodes_that_are_over() -> None:
    assert read_asked({"sort": "longest"}).filter.is_of_ended
    assert read_asked({"most_steps": "4"}).filter.is_of_ended
    assert not read_asked({"task": "easy"}).filter.is_of_ended
