"""How much is measured: everything, or in under a minute, or as little as possible."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many, how long and how often."""

    name: str
    clients: tuple[int, ...]
    seconds: float
    """Of one slice. The servers take turns, slice by slice, so that a noisy machine is noisy for all of them."""
    rounds: int
    """Slices of each server for each figure."""
    has_async_peer: bool
    """Whether OpenEnv is also measured with asynchronous methods, and both with compressed sockets."""
    has_workers: bool
    """Whether this server is also measured with two processes."""
    max_generating_clients: int
    """Most clients for the peer that generates at every reset."""
    held_sockets: int
    starts: int
    warm_episodes: int
    """Played for the bytes on disk; so for fresh ones."""
    fresh_episodes: int
    cold_resets: int
    history_events: int
    reserve_resets: int
    """Of each task, without a seed, on a server whose reserve is full. 0: not measured."""


FULL = Plan(
    name="full",
    clients=(1, 32, 256, 1024),
    seconds=3.0,
    rounds=4,
    has_async_peer=True,
    has_workers=True,
    max_generating_clients=256,
    held_sockets=1024,
    starts=3,
    warm_episodes=1024,
    fresh_episodes=64,
    cold_resets=50,
    history_events=1_000_000,
    reserve_resets=12,
)
QUICK = Plan(
    name="quick",
    clients=(1, 32, 256),
    seconds=0.6,
    rounds=2,
    has_async_peer=False,
    has_workers=False,
    max_generating_clients=32,
    held_sockets=256,
    starts=1,
    warm_episodes=128,
    fresh_episodes=16,
    cold_resets=20,
    history_events=20_000,
    reserve_resets=0,
)
SMALLEST = Plan(
    name="smallest",
    clients=(1, 4),
    seconds=0.1,
    rounds=1,
    has_async_peer=False,
    has_workers=False,
    max_generating_clients=4,
    held_sockets=4,
    starts=1,
    warm_episodes=16,
    fresh_episodes=2,
    cold_resets=2,
    history_events=1_000,
    reserve_resets=0,
)
PLANS = {plan.name: plan for plan in (FULL, QUICK, SMALLEST)}
