"""Options of the model, and the endpoint built from them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlops_debug_env.agents.llm.agent import LlmSettings
from mlops_debug_env.agents.llm.endpoint import Endpoint, ModelSettings, read_model_settings
from mlops_debug_env.agents.llm.errors import MissingSettingError
from mlops_debug_env.agents.llm.limits import Budget, ModelRateLimiter, Spending
from mlops_debug_env.agents.llm.prices import Price, Pricing, listed_price, read_prices
from mlops_debug_env.agents.llm.usage import ModelUsage
from mlops_debug_env.runner.admission import Admission
from mlops_debug_env.runner.records import RunHeader

_MOST_STEPS = 30
"""Of the task with the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """Limits and addresses, which may differ each time a run is resumed."""

    base_url: str | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    budget_tokens: int | None = None
    budget_usd: float | None = None
    budget_seconds: float | None = None
    prices: Path | None = None
    price: Price | None = None
    """Comes before the table; None: the table, the endpoint or the list has it."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further headers of the requests to the model. They may have keys, so they are written nowhere."""
    timeout_seconds: float = 120.0


class UnusedOptionError(ValueError):
    """An option bounds a model, and the agent has none that the runner asks."""


def check_no_bounds(options: ModelOptions, agent: str) -> None:
    """Raise ``UnusedOptionError`` where a bound is given that could not be kept."""
    bounds = ("budget_tokens", "budget_usd", "budget_seconds", "requests_per_minute", "tokens_per_minute")
    for name in bounds:
        if getattr(options, name) is not None:
            option = name.replace("_", "-")
            raise UnusedOptionError(f"--{option} is for --agent llm; the runner does not see what {agent} asks a model")


def check_model_options(options: ModelOptions, header: RunHeader, environ: Mapping[str, str]) -> Pricing | None:
    """Check that all settings of the model are present; returns its price.

    Raises:
        MissingSettingError: something is missing.
        UnreadablePricesError: the prices cannot be read.
    """
    settings = _settings(options, header, environ)
    table = read_prices(options.prices) if options.prices is not None else {}
    price = options.price or table.get(settings.model) or listed_price(settings.model, settings.base_url)
    if options.budget_usd is not None and price is None:
        raise MissingSettingError(
            f"--budget-usd needs the price of {settings.model}; give --input-price and --output-price, or a table with --prices"
        )
    return price


def open_endpoint(
    options: ModelOptions, header: RunHeader, environ: Mapping[str, str], *, used_before: ModelUsage
) -> tuple[Endpoint, Admission | None]:
    """The endpoint of a run, and what admits episodes where it has a budget; what the run used before counts for it."""
    price = check_model_options(options, header, environ)
    settings = _settings(options, header, environ)
    budget = Budget(tokens=options.budget_tokens, usd=options.budget_usd, seconds=options.budget_seconds)
    spending = Spending(budget, monotonic=time.monotonic, before=used_before)
    context_tokens = header.agent_options.get("context_tokens", LlmSettings().context_tokens)
    endpoint = Endpoint(
        settings,
        rate_limiter=ModelRateLimiter(
            requests_per_minute=options.requests_per_minute, tokens_per_minute=options.tokens_per_minute
        ),
        spending=spending,
        price=price,
    )
    if budget == Budget():
        return endpoint, None
    return endpoint, Admission(spending, most=_most_used(settings, price, context_tokens))


def _settings(options: ModelOptions, header: RunHeader, environ: Mapping[str, str]) -> ModelSettings:
    decided = ("max_output_tokens", "temperature", "reasoning_effort", "extra_body")
    return read_model_settings(
        environ,
        model=header.model,
        base_url=options.base_url,
        timeout_seconds=options.timeout_seconds,
        headers=options.headers,
        **{name: header.agent_options.get(name) for name in decided},
    )


def _most_used(settings: ModelSettings, price: Pricing | None, context_tokens: int) -> ModelUsage:
    """What an episode uses that takes all steps, each with full messages and a full answer."""
    tokens_in, tokens_out = _MOST_STEPS * context_tokens, _MOST_STEPS * settings.max_output_tokens
    cost = None if price is None else price.cost_usd(input_tokens=tokens_in, output_tokens=tokens_out)
    return ModelUsage(input_tokens=tokens_in, output_tokens=tokens_out, cost_usd=cost)
