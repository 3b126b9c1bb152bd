"""Shows how far a command is on standard error: a bar with rate and remaining time on a terminal, a line each 30 s elsewhere.

Nothing is shown of what takes less than two seconds. An interrupted command says how far it had come.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Callable, Iterator, NoReturn

import typer

from mlops_debug_env.commands.interrupts import INTERRUPTED, CtrlC, is_of_ctrl_c, note_end

if TYPE_CHECKING:  # imported where they are needed: `--help` should not wait for them
    from rich.console import Console
    from rich.progress import Progress as Bars

QUIET_SECONDS = 2.0
LINE_SECONDS = 30.0


class ShownProgress:
    """Shows the present phase, and knows how far it is.

    Args:
        console: where to show it; None: standard error.
        left: what is left if it is interrupted; may be set anew as the command goes on.
        monotonic: a clock that only goes on.
    """

    def __init__(
        self,
        console: Console | None = None,
        *,
        left: str = "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.left = left
        self._given_console = console
        self._ctrl_c = CtrlC()
        self._monotonic = monotonic
        self._bars: Bars | None = None
        self._what = ""
        self._total: int | None = None
        self._done = 0
        self._began = self._shown_at = monotonic()

    def begin(self, what: str, total: int | None = None) -> None:
        self.stop()
        self._what, self._total, self._done = what, total, 0
        self._began = self._shown_at = self._monotonic()
        self.allow_interrupt()

    def advance(self, count: int = 1) -> None:
        self._done += count
        now = self._monotonic()
        if now - self._began < QUIET_SECONDS:
            return
        if self._console.is_terminal:
            self._show_bar(now)
        elif now - self._shown_at >= LINE_SECONDS:
            self._shown_at = now
            self._console.print(self._line(now), markup=False, highlight=False, soft_wrap=True)

    def finish(self) -> None:
        """Let Ctrl-C wait for the next phase. If there is none, it has no effect: all is done."""
        self._ctrl_c.defer()

    def allow_interrupt(self) -> None:
        """End what ``finish`` began; raises ``KeyboardInterrupt`` if Ctrl-C came since."""
        self._ctrl_c.allow()

    def end(self) -> None:
        """Take the bar away, and let Ctrl-C do again what it does."""
        self.stop()
        self._ctrl_c.release()

    def stop(self) -> None:
        """Take the bar away."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    @property
    def summary(self) -> str:
        """How far the present phase is."""
        if not self._what:
            return "before anything was done"
        of = f" of {self._total:,}" if self._total is not None else ""
        return f"after {self._done:,}{of} {self._what}"

    @cached_property
    def _console(self) -> Console:
        from rich.console import Console

        return self._given_console or Console(stderr=True)

    def _show_bar(self, now: float) -> None:
        if self._bars is None:
            self._bars = self._start_bar()
        self._bars.update(self._bars.task_ids[0], completed=self._done, rate=f"{self._rate(now):,.0f}/s")

    def _start_bar(self) -> Bars:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        rate = TextColumn("{task.fields[rate]}")
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
        bars = Bars(*columns, console=self._console, transient=True)
        bars.add_task(self._what, total=self._total, rate="")
        bars.start()
        return bars

    def _rate(self, now: float) -> float:
        return self._done / (now - self._began) if now > self._began else 0.0

    def _line(self, now: float) -> str:
        rate = self._rate(now)
        if self._total is None:
            return f"{self._done:,} {self._what}, {rate:,.0f}/s"
        left = f", about {(self._total - self._done) / rate:,.0f} s to go" if rate and self._total > self._done else ""
        return f"{self._done:,} of {self._total:,} {self._what}, {rate:,.0f}/s{left}"


@contextmanager
def showing_progress(*, left: str = "nothing was changed") -> Iterator[ShownProgress]:
    """Progress of the command within. Ctrl-C ends it with one line and the exit code 130.

    Args:
        left: what an interrupted command leaves, for its last line.
    """
    progress = ShownProgress(left=left)
    try:
        yield progress
    except (KeyboardInterrupt, Exception) as error:
        if not is_of_ctrl_c(error):
            raise
        progress.stop()
        _end(f"interrupted {progress.summary}; {progress.left}")
    finally:
        progress.end()


def _end(message: str) -> NoReturn:
    note_end()
    typer.echo(message, err=True)
    raise typer.Exit(INTERRUPTED) from None
