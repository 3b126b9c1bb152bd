"""Parsing the query string of the list."""

from __future__ import annotations

from server.web.pages.episode_list.filter import parse_list_request


def test_blank_values_ask_for_nothing() -> None:
    request = parse_list_request({"q": " ", "task": "", "sort": ""})
    assert request.filter.query() == "?"
    assert request.dropped == ()


def test_what_cannot_be_read_is_dropped_and_reported_and_the_rest_counts() -> None:
    request = parse_list_request({"task": "impossible", "least_score": "nan", "status": "running", "after": "12"})
    assert request.dropped == ("task", "least_score")
    assert request.filter.status == "running"
    assert request.after is None


def test_a_filter_survives_its_address() -> None:
    query = {"agent": "a b&c", "least_score": "0.5", "sort": "best", "after": "~12"}
    request = parse_list_request(query)
    assert request.after == 12
    assert request.filter.query() == "?agent=a+b%26c&least_score=0.5&sort=best"


def test_score_and_steps_are_of_episodes_that_are_over() -> None:
    assert parse_list_request({"sort": "longest"}).filter.is_ended_only
    assert parse_list_request({"most_steps": "4"}).filter.is_ended_only
    assert not parse_list_request({"task": "easy"}).filter.is_ended_only
