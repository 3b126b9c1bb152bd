"""Targets of the figures: one row for each, with the bound that must be met and the one that is aimed at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.results import (
    ASYNC_PEER,
    CEILING,
    EMPTY,
    GENERATING_PEER,
    LONG,
    MANY_CLIENTS,
    ONE_CLIENT,
    OWN,
    PEER,
    SOME_CLIENTS,
    TWO_WORKERS,
    Results,
)

Verdict = Literal["aim", "must", "missed", "not measured"]


@dataclass(frozen=True, slots=True)
class Target:
    """One target with the measured value."""

    figure: str
    measured: float | None
    """None: this plan does not measure it."""
    must: float | None
    """None: there is only an aim."""
    aim: float
    unit: str = "x"
    is_least: bool = True
    """Whether more is better."""

    @property
    def verdict(self) -> Verdict:
        if self.measured is None:
            return "not measured"
        if self._holds(self.measured, self.aim):
            return "aim"
        return "must" if self.must is not None and self._holds(self.measured, self.must) else "missed"

    def _holds(self, measured: float, bound: float) -> bool:
        return measured >= bound if self.is_least else measured <= bound


def targets_of(results: Results) -> tuple[Target, ...]:
    """Every promise, in the order in which the README shows them."""
    single = results.single
    bare = results.socket_bytes.get(CEILING)
    own_bytes = results.socket_bytes.get(OWN)
    above = None if bare is None or own_bytes is None else (own_bytes - bare) / 1024
    return (
        Target("WebSocket steps/s, 1 client, against OpenEnv", _steps(results, ONE_CLIENT, PEER), 0.8, 1.0),
        Target("WebSocket steps/s, 32 clients, against OpenEnv", _steps(results, SOME_CLIENTS, PEER), 2.0, 3.0),
        Target("WebSocket steps/s, 256 clients, against OpenEnv", _steps(results, MANY_CLIENTS, PEER), 3.5, 5.0),
        Target(
            "… 32 clients, against OpenEnv's asynchronous path", _steps(results, SOME_CLIENTS, ASYNC_PEER), 1.1, 2.0
        ),
        Target("… 256 clients", _steps(results, MANY_CLIENTS, ASYNC_PEER), 1.5, 3.0),
        Target("WebSocket steps/s, 256 clients, against the ceiling", _steps(results, MANY_CLIENTS, CEILING), 0.3, 0.4),
        Target("step p99, 256 clients, against OpenEnv", _p99(results), 0.25, 0.2, is_least=False),
        Target("REST steps/s, 32 clients, against OpenEnv's WebSocket", _rest(results), 1.2, 2.0),
        Target("warm resets/s, 32 clients, against OpenEnv", _resets(results), 2.0, 3.0),
        Target("warm resets/s that name their episode against ones that do not", _named_resets(results), 0.9, 1.0),
        Target("steps/s with two processes against one, 256 clients", _workers(results), 1.4, 1.7),
        Target(
            "fresh reset with the reserve full, p50", single.get("reserve_reset_p50_ms"), 15, 5, " ms", is_least=False
        ),
        Target("memory of an open socket above a bare one", above, 16.0, 8.0, unit=" KB", is_least=False),
        Target("start to first answer, fresh database", results.start_seconds.get(OWN), 1.2, 0.8, " s", is_least=False),
        Target("bytes on disk for an event", single.get("disk_bytes_per_event"), 300, 220, " B", is_least=False),
        Target(
            "bytes on disk for a fresh episode of 8 steps",
            single.get("disk_bytes_per_fresh_episode"),
            12_000,
            8_000,
            " B",
            is_least=False,
        ),
        Target("fold", single.get("fold_events_per_second"), 50_000, 150_000, " events/s"),
        Target("steps/s with a long history against an empty store", _history(results), 0.9, 1.0),
        Target("step p99 beside cold resets against idle", _cold(results), 3.0, 2.0, is_least=False),
        Target(
            "WebSocket, 1 client, against OpenEnv that generates", _steps(results, ONE_CLIENT, GENERATING_PEER), None, 1
        ),
        Target("… 32 clients", _steps(results, SOME_CLIENTS, GENERATING_PEER), None, 6),
        Target("… 256 clients", _steps(results, MANY_CLIENTS, GENERATING_PEER), None, 8),
    )


def _ratio(first: float | None, second: float | None) -> float | None:
    return first / second if first is not None and second else None


def _steps(results: Results, clients: int, peer: str) -> float | None:
    own, other = results.find("ws", clients, OWN), results.find("ws", clients, peer)
    return _ratio(own.steps_per_second, other.steps_per_second) if own and other else None


def _p99(results: Results) -> float | None:
    own, other = results.find("ws", MANY_CLIENTS, OWN), results.find("ws", MANY_CLIENTS, PEER)
    return _ratio(own.step_p99_ms, other.step_p99_ms) if own and other else None


def _rest(results: Results) -> float | None:
    own, other = results.find("rest", SOME_CLIENTS, OWN), results.find("ws", SOME_CLIENTS, PEER)
    return _ratio(own.steps_per_second, other.steps_per_second) if own and other else None


def _resets(results: Results) -> float | None:
    own, other = (results.find("warm resets", SOME_CLIENTS, name) for name in (OWN, PEER))
    return _ratio(own.resets_per_second, other.resets_per_second) if own and other else None


def _named_resets(results: Results) -> float | None:
    named, made = (results.find(load, SOME_CLIENTS, OWN) for load in ("warm resets", "made resets"))
    return _ratio(named.resets_per_second, made.resets_per_second) if named and made else None


def _workers(results: Results) -> float | None:
    one, two = (results.find("ws workers", MANY_CLIENTS, name) for name in (OWN, TWO_WORKERS))
    return _ratio(two.steps_per_second, one.steps_per_second) if one and two else None


def _history(results: Results) -> float | None:
    long, empty = (results.find("history", SOME_CLIENTS, name) for name in (LONG, EMPTY))
    return _ratio(long.steps_per_second, empty.steps_per_second) if long and empty else None


def _cold(results: Results) -> float | None:
    return _ratio(results.single.get("beside_cold_step_p99_ms"), results.single.get("idle_step_p99_ms"))
