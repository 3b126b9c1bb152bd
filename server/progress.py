"""How far a long operation is: what it reports to, and the default that shows nothing."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Is told of phases and of what is done in them. It may raise to end the operation."""

    def begin(self, what: str, total: int | None = None) -> None:
        """A phase begins. ``what``: the plural of what is counted; ``total``: how many there are, None if unknown."""

    def advance(self, count: int = 1) -> None:
        """So many more are done."""

    def finish(self) -> None:
        """All is done but its last step, which is short and is not interrupted, such as a commit or a rename."""


class NoProgress:
    """Shows nothing."""

    def begin(self, what: str, total: int | None = None) -> None:
        """Nothing to show."""

    def advance(self, count: int = 1) -> None:
        """Nothing to show."""

    def finish(self) -> None:
        """Nothing would interrupt it."""


NO_PROGRESS = NoProgress()
