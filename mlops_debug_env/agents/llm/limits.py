"""Rate limits and budgets of a run's requests to a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from aiolimiter import AsyncLimiter

from mlops_debug_env.agents.llm.usage import ModelUsage

_MINUTE_SECONDS = 60.0
_BURST_SHARE = 0.1
"""Share of the limit that a leaky bucket lets through at once; burst and leak together stay within a minute's limit."""


class BudgetSpentError(Exception):
    """The budget is used up; the run can be resumed with a larger one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The budget of a run. None: no limit."""

    tokens: int | None = None
    usd: float | None = None
    seconds: float | None = None


class ModelRateLimiter:
    """Bounds on requests and tokens a minute, shared by all episodes of a run."""

    def __init__(self, *, requests_per_minute: int | None, tokens_per_minute: int | None) -> None:
        self._requests = _limiter(requests_per_minute)
        self._tokens = _limiter(tokens_per_minute)

    async def wait(self, tokens: int) -> None:
        """Wait until one more request with about this many tokens may be sent."""
        if self._requests is not None:
            await self._requests.acquire()
        if self._tokens is not None:
            await self._acquire(self._tokens, tokens)

    async def settle(self, *, estimated: int, used: int) -> None:
        """Charge what a request used beyond its estimate."""
        if self._tokens is not None and used > estimated:
            await self._acquire(self._tokens, used - estimated)

    @staticmethod
    async def _acquire(limiter: AsyncLimiter, amount: float) -> None:
        while amount > 0:  # one request may be larger than the bucket
            part = min(amount, limiter.max_rate)
            await limiter.acquire(part)
            amount -= part


class Spending:
    """Compares the usage of a run with its budget."""

    def __init__(self, budget: Budget, *, monotonic: Callable[[], float], before: ModelUsage) -> None:
        self._budget = budget
        self._monotonic = monotonic
        self._started = monotonic()
        self._tokens = before.input_tokens + before.output_tokens
        self._usd = before.cost_usd or 0.0

    def check(self) -> None:
        """Raise ``BudgetSpentError`` where the next request would go beyond what is allowed."""
        budget = self._budget
        if budget.tokens is not None and self._tokens >= budget.tokens:
            raise BudgetSpentError(f"the budget of {budget.tokens} tokens is spent ({self._tokens} used)")
        if budget.usd is not None and self._usd >= budget.usd:
            raise BudgetSpentError(f"the budget of {budget.usd:g} USD is spent ({self._usd:.4f} used)")
        if budget.seconds is not None and self._monotonic() - self._started >= budget.seconds:
            raise BudgetSpentError(f"the budget of {budget.seconds:g} seconds is spent")

    def left(self) -> Budget:
        """What is left of the budget; of a part without a limit, None."""
        budget = self._budget
        return Budget(
            tokens=None if budget.tokens is None else budget.tokens - self._tokens,
            usd=None if budget.usd is None else budget.usd - self._usd,
            seconds=None if budget.seconds is None else budget.seconds - (self._monotonic() - self._started),
        )

    def add(self, usage: ModelUsage) -> None:
        self._tokens += usage.input_tokens + usage.output_tokens
        self._usd += usage.cost_usd or 0.0


def _limiter(per_minute: int | None) -> AsyncLimiter | None:
    if per_minute is None:
        return None
    burst = max(1.0, per_minute * _BURST_SHARE)
    leaking = per_minute - burst if per_minute > 1 else 1.0
    return AsyncLimiter(burst, burst / leaking * _MINUTE_SECONDS)
