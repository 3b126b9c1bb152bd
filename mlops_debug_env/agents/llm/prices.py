"""Prices of a model's tokens, from a file of the user."""

from __future__ import annotations

from pathlib import Path
from typing import Mapping

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError


class Price(BaseModel):
    """Dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input_usd_per_million: float = Field(ge=0.0, allow_inf_nan=False)
    output_usd_per_million: float = Field(ge=0.0, allow_inf_nan=False)

    def cost_usd(self, *, input_tokens: int, output_tokens: int) -> float:
        in_millionths = input_tokens * self.input_usd_per_million + output_tokens * self.output_usd_per_million
        return in_millionths / 1_000_000


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
