"""Parses the query string of the episode list. Invalid values are dropped and reported on the page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Mapping, get_args
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.types import TaskId
from server.web.pages.episode_names import PUBLIC_NAME_FORM, parse_public_name, public_name

Status = Literal["running", "ended", "submitted", "steps", "idle", "abandoned"]
Sort = Literal["newest", "oldest", "best", "worst", "longest", "shortest"]
STATUSES: tuple[Status, ...] = get_args(Status)
SORTS: tuple[Sort, ...] = get_args(Sort)
PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
_Name = Annotated[str, Field(max_length=200)]
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_Steps = Annotated[int, Field(ge=0, le=10_000)]


class ListFilter(BaseModel):
    """Conditions that all apply; None: any value."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    q: _Name | None = None
    """Prefix of an agent's name."""
    agent: _Name | None = None
    """Exact name of an agent."""
    task: TaskId | None = None
    status: Status | None = None
    round: _Name | None = None
    """Id of a ranked round."""
    run: _Name | None = None
    """Name of a run, as it stands in the ids of its episodes: those of it that ended."""
    least_score: _Share | None = None
    most_score: _Share | None = None
    least_steps: _Steps | None = None
    most_steps: _Steps | None = None
    sort: Sort = "newest"

    @property
    def is_ended_only(self) -> bool:
        """Whether the list holds ended episodes only: running ones have no score, their number of steps changes, and part of
        an id must not be found by trying."""
        ended_only = (self.least_score, self.most_score, self.least_steps, self.most_steps, self.run)
        by_end = self.sort not in ("newest", "oldest") or any(each is not None for each in ended_only)
        return by_end or self.status not in (None, "running")

    def query(self, **changes: Any) -> str:
        """The query string of this filter with some values changed."""
        values = {**self.model_dump(exclude_none=True, exclude_defaults=True), **changes}
        return "?" + urlencode({name: value for name, value in values.items() if value is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """A filter and the place of the page in the list."""

    filter: ListFilter
    after: int | None = None
    """Number of the episode that precedes the page; None: the first page."""
    before: int | None = None
    """Number of the episode that follows the page; None: not paging backwards."""
    size: int = PAGE_SIZE
    """Max number of episodes of the page."""
    dropped: tuple[str, ...] = ()
    """Names of invalid values."""


class ListQuery(ListFilter):
    """The query string of a program: the filter, and which page of the list. An unknown name is an error, not a filter that
    lets everything through."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    after: Annotated[str, Field(pattern=PUBLIC_NAME_FORM)] | None = None
    """Number of the episode that precedes the page."""
    before: Annotated[str, Field(pattern=PUBLIC_NAME_FORM)] | None = None
    """Number of the episode that follows the page."""
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)] = PAGE_SIZE


class NamedQuery(BaseModel):
    """The query string of the page of an agent or a run."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    name: Annotated[str, Field(min_length=1, max_length=200)]


def parse_strictly(query: Mapping[str, str]) -> ListRequest:
    """The request of a program; raises pydantic's ValidationError where a value is invalid."""
    given = ListQuery.model_validate(dict(query))
    return ListRequest(
        filter=ListFilter.model_validate(given.model_dump()),
        after=parse_public_name(given.after or ""),
        before=parse_public_name(given.before or ""),
        size=given.limit,
    )


def parse_list_request(query: Mapping[str, str]) -> ListRequest:
    """The request, without the values that are invalid."""
    given = {name: value.strip() for name, value in query.items() if value.strip()}
    request = _read_filter(given)
    return replace(
        request, after=parse_public_name(given.get("after", "")), before=parse_public_name(given.get("before", ""))
    )


def _read_filter(given: dict[str, str]) -> ListRequest:
    try:
        return ListRequest(filter=ListFilter.model_validate(given))
    except ValidationError as error:
        dropped = tuple(dict.fromkeys(str(each["loc"][0]) for each in error.errors()))
        kept = {name: value for name, value in given.items() if name not in dropped}
        return ListRequest(filter=ListFilter.model_validate(kept), dropped=dropped)


def page_query(wanted: ListRequest, side: Literal["after", "before"], position: int) -> str:
    """The query string of the page before or after an episode."""
    limit = {} if wanted.size == PAGE_SIZE else {"limit": wanted.size}
    return wanted.filter.query(**{side: public_name(position)}, **limit)
