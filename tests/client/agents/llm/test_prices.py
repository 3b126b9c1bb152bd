"""What tokens cost: by the user's prices, or by a list that brings its own."""

from __future__ import annotations

import pytest

from mlops_debug_env.agents.llm.prices import Price, listed_price


def test_cached_input_without_a_price_of_its_own_costs_what_input_costs() -> None:
    price = Price(input_usd_per_million=10.0, output_usd_per_million=0.0)
    assert price.cost_usd(input_tokens=100, output_tokens=0, cached_tokens=90) == pytest.approx(100 * 10e-6)


def test_a_model_of_a_known_provider_has_the_price_of_the_list_cached_input_included() -> None:
    pytest.importorskip("genai_prices")
    for address in (None, "https://api.openai.com/v1"):
        price = listed_price("gpt-4o", address)
        assert price is not None
        whole = price.cost_usd(input_tokens=10_000, output_tokens=100)
        cached = price.cost_usd(input_tokens=10_000, output_tokens=100, cached_tokens=9000)
        assert whole is not None and cached is not None
        assert 0 < cached < whole


def test_a_model_of_the_same_name_behind_another_address_has_none() -> None:
    pytest.importorskip("genai_prices")
    assert listed_price("gpt-4o", "http://127.0.0.1:8000/v1") is None
    assert listed_price("no-such-model", None) is None
