"""The options of the model, which ``run`` and ``compete`` share: a command that takes them receives them as one object."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_debug_env.commands import options as shared
from mlops_debug_env.commands.exit_codes import USAGE, fail

if TYPE_CHECKING:
    from mlops_debug_env.agents.llm.prices import Price
    from mlops_debug_env.runner.model_options import ModelOptions


class GivenModelOptions(NamedTuple):
    """The options as they were given."""

    agent_options: dict[str, Any]
    """Those that decide how the model plays; a resumed run keeps them."""
    model_options: ModelOptions
    """Those that may differ each time."""


def with_model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the model to a command, after its own; it receives them as ``given``."""
    own = inspect.signature(command, eval_str=True).parameters
    added = inspect.signature(_read, eval_str=True).parameters

    @wraps(command)
    def with_options(**options: Any) -> None:
        given = _read(**{name: options.pop(name) for name in added})
        command(**options, given=given)

    parameters = [each for name, each in own.items() if name != "given"] + list(added.values())
    # The command line is made from these.
    shown: Any = with_options
    shown.__signature__ = inspect.Signature(parameters)
    shown.__annotations__ = {each.name: each.annotation for each in parameters}
    del shown.__wrapped__
    return with_options


def _read(
    base_url: shared.BaseUrlOption = None,
    header: shared.HeaderOption = None,
    extra_body: shared.ExtraBodyOption = None,
    tool_mode: shared.ToolModeOption = None,
    context_tokens: shared.ContextTokensOption = None,
    max_output_tokens: shared.MaxOutputTokensOption = None,
    temperature: shared.TemperatureOption = None,
    reasoning_effort: shared.ReasoningEffortOption = None,
    requests_per_minute: shared.RequestsPerMinuteOption = None,
    tokens_per_minute: shared.TokensPerMinuteOption = None,
    budget_tokens: shared.BudgetTokensOption = None,
    budget_usd: shared.BudgetUsdOption = None,
    budget_seconds: shared.BudgetSecondsOption = None,
    prices: shared.PricesOption = None,
    input_price: shared.InputPriceOption = None,
    output_price: shared.OutputPriceOption = None,
    cached_input_price: shared.CachedInputPriceOption = None,
    request_timeout: shared.RequestTimeoutOption = 120.0,
) -> GivenModelOptions:
    from mlops_debug_env.runner.model_options import ModelOptions

    decided = {
        "tool_mode": tool_mode,
        "context_tokens": context_tokens,
        "max_output_tokens": max_output_tokens,
        "temperature": temperature,
        "reasoning_effort": reasoning_effort,
        "extra_body": _object(extra_body),
    }
    return GivenModelOptions(
        {name: value for name, value in decided.items() if value is not None},
        ModelOptions(
            base_url=base_url,
            headers=dict(_header(each) for each in header or ()),
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            budget_tokens=budget_tokens,
            budget_usd=budget_usd,
            budget_seconds=budget_seconds,
            prices=prices,
            price=_price(input_price, output_price, cached_input_price),
            timeout_seconds=request_timeout,
        ),
    )


_THE_RUNNERS = ("messages", "tools", "model", "n")


def _object(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        fail(f"--extra-body is no JSON: {error}", USAGE)
    if not isinstance(value, dict):
        fail("--extra-body must be a JSON object", USAGE)
    for name in _THE_RUNNERS:
        if name in value:
            fail(f"--extra-body must not have {name}, which the runner sets", USAGE)
    return value


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    name, value = name.strip(), value.strip()
    if not colon or not name or not name.replace("-", "").replace("_", "").isalnum() or not text.isascii():
        fail("--header must be like 'Name: value', in ASCII", USAGE)
    if not value.isprintable():
        fail(f"the value of --header {name} has a line break or another control character", USAGE)
    return name, value


def _price(input_price: float | None, output_price: float | None, cached_input_price: float | None) -> Price | None:
    from mlops_debug_env.agents.llm.prices import Price

    if input_price is None and output_price is None and cached_input_price is None:
        return None
    if input_price is None or output_price is None:
        fail("a price needs both --input-price and --output-price", USAGE)
    return Price(
        input_usd_per_million=input_price,
        output_usd_per_million=output_price,
        cached_input_usd_per_million=cached_input_price,
    )
