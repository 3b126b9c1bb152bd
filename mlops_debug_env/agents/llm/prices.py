"""What a model's tokens cost: by the user, by the endpoint, or by the list of the package ``genai-prices``, in this order."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Mapping, Protocol

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

_MILLION = 1_000_000


class Pricing(Protocol):
    """Computes what an answer costs."""

    is_the_users: ClassVar[bool]
    """Whether it comes before a price that the endpoint states."""

    def cost_usd(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        """The cost in dollars, cached tokens being among the input tokens; None: it is not known."""
        ...


class Price(BaseModel):
    """Dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    is_the_users: ClassVar[bool] = True

    input_usd_per_million: float = Field(ge=0.0, allow_inf_nan=False)
    output_usd_per_million: float = Field(ge=0.0, allow_inf_nan=False)
    cached_input_usd_per_million: float | None = Field(default=None, ge=0.0, allow_inf_nan=False)
    """Of input that the endpoint had in its cache; None: the same as of other input."""

    def cost_usd(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float:
        cached_price = self.cached_input_usd_per_million
        cached_price = self.input_usd_per_million if cached_price is None else cached_price
        in_millionths = (
            (input_tokens - cached_tokens) * self.input_usd_per_million
            + cached_tokens * cached_price
            + output_tokens * self.output_usd_per_million
        )
        return in_millionths / _MILLION


class ListedPrice:
    """The price in the list that the installed ``genai-prices`` brings; nothing is downloaded."""

    is_the_users: ClassVar[bool] = False

    def __init__(self, model: str, base_url: str | None) -> None:
        self._model = model
        # A model of the same name behind an address that is not in the list costs something else.
        self._provider: dict[str, Any] = (
            {"provider_id": "openai"} if base_url is None else {"provider_api_url": base_url}
        )

    def cost_usd(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        from genai_prices import Usage, calc_price

        used = Usage(input_tokens=input_tokens, output_tokens=output_tokens, cache_read_tokens=cached_tokens)
        try:
            return float(calc_price(used, self._model, **self._provider).total_price)
        except (LookupError, ValueError):
            return None


class UnreadablePricesError(ValueError):
    """The file is no table of prices."""


_TABLE: TypeAdapter[dict[str, Price]] = TypeAdapter(dict[str, Price])


def read_prices(path: Path) -> Mapping[str, Price]:
    """The table of a JSON file: model name to price.

    Raises:
        UnreadablePricesError: there is no such file, or it is no such table.
    """
    try:
        return _TABLE.validate_json(path.read_bytes())
    except OSError as error:
        raise UnreadablePricesError(f"cannot read the prices in {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UnreadablePricesError(f"{path} is no table of prices: {where}: {first['msg']}") from error


def listed_price(model: str, base_url: str | None) -> ListedPrice | None:
    """The price of a model in the list; None: it is not there, or ``genai-prices`` is not installed."""
    try:
        import genai_prices  # noqa: F401 - an optional extra
    except ImportError:
        return None
    price = ListedPrice(model, base_url)
    return None if price.cost_usd(input_tokens=1, output_tokens=1) is None else price
