"""The plan is arithmetic on measured figures, and the page has it as it is computed."""

from __future__ import annotations

import pytest

from upkeep.capacity import (
    BEGIN,
    DEMANDS,
    END,
    PAGE,
    USE,
    Demand,
    Figures,
    figures_of_bench,
    need,
    planned,
    read_figures,
)


def figures() -> Figures:
    return Figures(
        measured="here",
        cores=2,
        steps_per_second=1000,
        clients=256,
        steps_per_second_at_32_clients=1000,
        rest_steps_per_second_at_32_clients=500,
        bytes_per_socket=50_000,
        bytes_per_event=500,
        bytes_per_fresh_episode=9500,
        fresh_resets_per_second=10,
        start_seconds=1,
    )


def test_the_page_holds_the_plan_of_the_committed_figures() -> None:
    page = PAGE.read_text()
    assert BEGIN in page
    assert END in page
    assert planned(page, read_figures()) == page, "run make capacity"


def test_steps_sockets_and_disk_follow_from_the_agents() -> None:
    needed = need(Demand(agents=6000, think_seconds=5, who="x"), figures())
    assert needed.steps_per_second == 1200
    assert needed.replicas == 2  # 1200 of 600 each
    assert needed.socket_bytes == 300e6
    a_second = 1200 * 9 / 8 * 500 + 1.5 * 5000
    assert needed.bytes_per_day == pytest.approx(86_400 * a_second)
    assert needed.generator_cores == pytest.approx(1.5 / (10 * USE))


def test_many_idle_agents_need_processes_for_their_sockets_alone() -> None:
    assert need(Demand(agents=100_000, think_seconds=1e6, who="x"), figures()).replicas == 5


def test_the_last_row_is_a_million_agents() -> None:
    assert DEMANDS[-1].agents == 1_000_000
    needed = need(DEMANDS[-1], read_figures())
    assert needed.replicas >= 50
    assert needed.shards == 12


def test_a_benchmark_takes_the_place_of_the_figures_that_it_measured() -> None:
    cell = {"load": "ws", "clients": 256, "server": "mlops-debug", "figure": {"steps_per_second": 4000.0}}
    bench = {
        "plan": "quick",
        "machine": {"cores": 8, "processor": "p"},
        "cells": [cell],
        "single": {"disk_bytes_per_event": 400.0},
        "socket_bytes": {},
        "start_seconds": {"mlops-debug": 0.5},
    }
    found = figures_of_bench(bench, figures())
    assert (found.steps_per_second, found.bytes_per_event, found.cores, found.start_seconds) == (4000, 400, 8, 0.5)
    assert found.bytes_per_socket == 50_000
