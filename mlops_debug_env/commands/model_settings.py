"""Reads the options of the model that are more than a number or a word: a JSON object, headers, a price."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlops_debug_env.commands.exit_codes import USAGE, fail

if TYPE_CHECKING:
    from mlops_debug_env.agents.llm.prices import Price

_THE_RUNNERS = ("messages", "tools", "model", "n")


def extra_body(text: str | None) -> dict[str, Any] | None:
    """The object in ``--extra-body``; ends the command where it is none, or has what the runner sets."""
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


def header(text: str) -> tuple[str, str]:
    """Name and value of a ``--header``."""
    name, colon, value = text.partition(":")
    name, value = name.strip(), value.strip()
    if not colon or not name or not name.replace("-", "").replace("_", "").isalnum() or not text.isascii():
        fail("--header must be like 'Name: value', in ASCII", USAGE)
    if not value.isprintable():
        fail(f"the value of --header {name} has a line break or another control character", USAGE)
    return name, value


def price(input_price: float | None, output_price: float | None, cached_input_price: float | None) -> Price | None:
    """The price that is given by options; None: none is."""
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
