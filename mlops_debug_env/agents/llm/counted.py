"""The tokens and the price of an answer as its endpoint counts them, whatever of it is there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

_MAX_TOKENS = 10**9
"""More is no count."""


class Counted(NamedTuple):
    """What an endpoint counted; None: it did not."""

    input_tokens: int | None
    output_tokens: int | None
    """Reasoning included, also where the endpoint counts it apart."""
    cached_tokens: int
    """Of the input."""
    reasoning_tokens: int
    """Of the output."""
    cost_usd: float | None


def read_usage(usage: Mapping[str, Any]) -> Counted:
    """The counts of an answer's `usage`."""
    tokens_in = _first(usage, "prompt_tokens", "input_tokens")
    tokens_out = _first(usage, "completion_tokens", "output_tokens")
    total = _first(usage, "total_tokens")
    if total is not None and tokens_in is not None and tokens_out is not None:
        tokens_out = max(tokens_out, total - tokens_in)  # some count reasoning in the total only
    into, out = (
        _part(usage, "prompt_tokens_details", "input_tokens_details"),
        _part(usage, "completion_tokens_details", "output_tokens_details"),
    )
    cached = _first(into, "cached_tokens") or _first(usage, "prompt_cache_hit_tokens", "cached_tokens") or 0
    reasoning = _first(out, "reasoning_tokens") or _first(usage, "reasoning_tokens") or 0
    return Counted(
        tokens_in,
        tokens_out,
        min(cached, tokens_in or 0),
        min(reasoning, tokens_out or 0),
        _cost(usage),
    )


def _cost(usage: Mapping[str, Any]) -> float | None:
    """The price in dollars that the endpoint states."""
    stated = usage.get("cost")
    cost = _number(stated.get("total_cost") if isinstance(stated, Mapping) else stated)
    if cost is not None and usage.get("is_byok") is True:  # the provider's part goes on the user's own bill
        cost += _number(_part(usage, "cost_details").get("upstream_inference_cost")) or 0.0
    return cost


def _first(usage: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        number = _number(usage.get(name))
        if number is not None and number <= _MAX_TOKENS:
            return math.ceil(number)
    return None


def _part(usage: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    return next((usage[name] for name in names if isinstance(usage.get(name), Mapping)), {})


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 10**15 else None
