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
    """Reasoning included."""
    cost_usd: float | None = 0.0
    """None: no price is known."""
    latency_seconds: float = 0.0
    """Total latency, retries included."""
    retries: int = 0
    """Calls that were sent again after a 429, a 5xx, a time-out or a torn answer."""
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
    cached_tokens: int = 0
    """Of the input tokens, those the endpoint had in its cache."""
    reasoning_tokens: int = 0
    """Of the output tokens, those the model reasoned with."""
    cut_off_turns: int = 0
    """Answers that ended at the bound on an answer."""
    filtered_turns: int = 0
    """Requests and answers that a filter of the endpoint stopped for their content."""
    refused_turns: int = 0
    """Answers in which the model refused to go on."""
    json_turns: int = 0
    """Answers in JSON after the endpoint had refused tools."""
    lost_turns: int = 0
    """Turns of which nothing could be used: a filter stopped the request, or the answer could not be read at all."""
    altered_calls: int = 0
    """Answers to requests without a parameter that was asked for, because the endpoint refuses it."""
    context_cuts: int = 0
    """How often the room for messages or for an answer was halved because the endpoint said that it is too much."""

    def __add__(self, other: ModelUsage) -> ModelUsage:
        ours, theirs = self.model_dump(), other.model_dump()
        cost = None if self.cost_usd is None or other.cost_usd is None else self.cost_usd + other.cost_usd
        sums = {name: ours[name] + theirs[name] for name in ours if name != "cost_usd"}
        return ModelUsage(**sums, cost_usd=cost)


NOTHING_USED = ModelUsage()
