"""Rate limits a minute, and budgets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_debug_env.agents.llm import limits
from mlops_debug_env.agents.llm.limits import Budget, BudgetSpentError, ModelRateLimiter, Spending
from mlops_debug_env.agents.llm.usage import ModelUsage


@given(st.integers(2, 10_000_000))
def test_no_minute_sees_more_than_was_allowed(per_minute: int) -> None:
    """A leaky bucket lets through its capacity at once, and then what leaks in the minute."""
    limiter = limits._limiter(per_minute)
    assert limiter is not None
    assert limiter.max_rate + 60 * limiter.max_rate / limiter.time_period <= per_minute * (1 + 1e-9)


async def test_a_request_beyond_the_bound_waits() -> None:
    rate_limiter = ModelRateLimiter(requests_per_minute=1200, tokens_per_minute=None)
    assert rate_limiter._requests is not None
    # At once: what leaks while hundreds of requests are counted one by one would make room on a slow machine.
    await rate_limiter._requests.acquire(rate_limiter._requests.max_rate)
    assert not rate_limiter._requests.has_capacity()
    await rate_limiter.wait(1)  # and is let through once there is room again


async def test_a_request_larger_than_the_bucket_is_let_through_in_parts() -> None:
    rate_limiter = ModelRateLimiter(requests_per_minute=None, tokens_per_minute=6_000_000)
    await rate_limiter.wait(601_000)
    await rate_limiter.settle(estimated=10, used=20)


@pytest.mark.parametrize(
    ("budget", "used", "message"),
    [
        (Budget(tokens=100), ModelUsage(input_tokens=60, output_tokens=40), "100 tokens is spent"),
        (Budget(usd=0.5), ModelUsage(cost_usd=0.5), "0.5 USD is spent"),
    ],
)
def test_a_budget_is_spent_once_as_much_was_used(budget: Budget, used: ModelUsage, message: str) -> None:
    spending = Spending(budget, monotonic=lambda: 0.0, before=ModelUsage())
    spending.check()
    spending.add(used)
    with pytest.raises(BudgetSpentError, match=message):
        spending.check()


def test_what_was_used_before_a_run_was_taken_up_counts() -> None:
    spending = Spending(Budget(tokens=100), monotonic=lambda: 0.0, before=ModelUsage(input_tokens=100))
    with pytest.raises(BudgetSpentError):
        spending.check()


def test_time_is_a_budget_too() -> None:
    times = iter([0.0, 5.0, 11.0])
    spending = Spending(Budget(seconds=10), monotonic=lambda: next(times), before=ModelUsage())
    spending.check()
    with pytest.raises(BudgetSpentError, match="10 seconds"):
        spending.check()
