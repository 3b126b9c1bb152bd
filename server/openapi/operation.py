"""What the document says of one operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Example = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What one method of one path takes and gives."""

    method: str
    path: str
    name: str
    """The ``operationId``."""
    tag: str
    summary: str
    description: str = ""
    body: Any = None
    """Model of the request's body, or ``"step"``, which has two forms; null: there is none."""
    is_body_required: bool = True
    body_examples: tuple[tuple[str, Example], ...] = ()
    answer: Any = None
    """Model of the answer; null: it is no JSON."""
    media_types: tuple[str, ...] = ("application/json",)
    answer_examples: tuple[tuple[str, Any], ...] = ()
    headers: tuple[str, ...] = ()
    """Of the answer."""
    problems: tuple[str, ...] = ()
    others: tuple[tuple[int, str, Any], ...] = ()
    """Answers of other statuses that are no problems: status, description and model; null: no body."""
    query: tuple[str, ...] = ()
    """Optional parameters of any text."""
    takes_episode: bool = False
    """Whether the query may name the episode. Where the path names it, it may too, to no use."""
