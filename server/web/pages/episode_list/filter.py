"""What a viewer of the list asks for, read from the query of the address. What cannot be read is dropped and told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Mapping, get_args
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.types import TaskId
from server.web.pages.episode_names import number_name, parse_number

Status = Literal["running", "ended", "submitted", "steps", "idle", "abandoned"]
Sort = Literal["newest", "oldest", "best", "worst", "longest", "shortest"]
STATUSES: tuple[Status, ...] = get_args(Status)
SORTS: tuple[Sort, ...] = get_args(Sort)
_Name = Annotated[str, Field(max_length=200)]
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_Steps = Annotated[int, Field(ge=0, le=10_000)]


class ListFilter(BaseModel):
    """All of it; null: any."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    q: _Name | None = None
    """Beginning of an agent's name."""
    agent: _Name | None = None
    """An agent's whole name."""
    task: TaskId | None = None
    status: Status | None = None
    round: _Name | None = None
    """Id of a ranked round."""
    least_score: _Share | None = None
    most_score: _Share | None = None
    least_steps: _Steps | None = None
    most_steps: _Steps | None = None
    sort: Sort = "newest"

    @property
    def is_of_ended(self) -> bool:
        """Whether running episodes cannot be among what is asked for: they have no score, and go on."""
        ended_only = (self.least_score, self.most_score, self.least_steps, self.most_steps)
        by_end = self.sort not in ("newest", "oldest") or any(each is not None for each in ended_only)
        return by_end or self.status not in (None, "running")

    def query(self, **changes: Any) -> str:
        """The address's query for this filter with some values changed."""
        asked = {**self.model_dump(exclude_none=True, exclude_defaults=True), **changes}
        return "?" + urlencode({name: value for name, value in asked.items() if value is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A filter with the place in the list."""

    filter: ListFilter
    after: int | None = None
    """Number of the episode that the page follows; null: none."""
    before: int | None = None
    """Number of the episode that the page precedes; null: none."""
    dropped: tuple[str, ...] = ()
    """Names of values that could not be read."""


def read_asked(query: Mapping[str, str]) -> Asked:
    """Everything that can be read of a query."""
    given = {name: value.strip() for name, value in query.items() if value.strip()}
    asked = _read_filter(given)
    return replace(asked, after=parse_number(given.get("after", "")), before=parse_number(given.get("before", "")))


def _read_filter(given: dict[str, str]) -> Asked:
    try:
        return Asked(filter=ListFilter.model_validate(given))
    except ValidationError as error:
        dropped = tuple(dict.fromkeys(str(each["loc"][0]) for each in error.errors()))
        kept = {name: value for name, value in given.items() if name not in dropped}
        return Asked(filter=ListFilter.model_validate(kept), dropped=dropped)


def place_query(asked: ListFilter, side: Literal["after", "before"], position: int) -> str:
    """The address's query for the page beside an episode."""
    return asked.query(**{side: number_name(position)})
