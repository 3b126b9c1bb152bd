"""Counts of a model's tokens, cost, retries and illegal replies in one episode."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class ModelUsage(BaseModel):
    """Counts of one episode; they add up."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    calls: int = 0
    """Answers the model gave."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    """None: the model has no price in the table."""
    latency_seconds: float = 0.0
    """Total latency, retries included."""
    retries: int = 0
    """Calls that were sent again after a 429, a 5xx or a time-out."""
    invalid_replies: int = 0
    """Answers that held no legal action; each was corrected."""
    fallback_steps: int = 0
    """Steps that the heuristic chose because the model gave no legal action."""
    ignored_calls: int = 0
    """Tool calls after the first of an answer; they were not carried out."""
    folded_results: int = 0
    """Results that were folded to summaries to stay within the context."""
    estimated_tokens: int = 0
    """Of the tokens above, those the endpoint did not count itself."""

    def __add__(self, other: ModelUsage) -> ModelUsage:
        ours, theirs = self.model_dump(), other.model_dump()
        cost = None if self.cost_usd is None or other.cost_usd is None else self.cost_usd + other.cost_usd
        sums = {name: ours[name] + theirs[name] for name in ours if name != "cost_usd"}
        return ModelUsage(**sums, cost_usd=cost)


NOTHING_USED = ModelUsage()
