"""Progress display of a run on standard error: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from mlops_debug_env.protocol.counts import counted
from mlops_debug_env.runner.observers import RunObserver
from mlops_debug_env.runner.records import EpisodeResult, PlannedEpisode

PLAIN_LINE_SECONDS = 10.0


class _Tally:
    """Means and counts by bar."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.sums: defaultdict[str, float] = defaultdict(float)
        self.failed = 0

    def add(self, bar: str, score: float) -> None:
        self.done[bar] += 1
        self.sums[bar] += score

    def mean(self, bar: str) -> str:
        return f"{self.sums[bar] / self.done[bar]:.3f}" if self.done[bar] else "-"

    def mean_of_all(self) -> str:
        done = self.done.total()
        return f"{sum(self.sums.values()) / done:.3f}" if done else "-"


class ProgressBars(RunObserver):
    """One bar for each task, with the mean so far and the time to go.

    Args:
        console: where to draw.
        totals: episodes of each bar.
        bar_of: the bar that an episode counts for.
    """

    def __init__(
        self, console: Console, totals: dict[str, int], bar_of: Callable[[PlannedEpisode | EpisodeResult], str]
    ) -> None:
        self._tally = _Tally()
        self._bar_of = bar_of
        self._progress = Progress(
            TextColumn("{task.description:10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("mean {task.fields[mean]}"),
            TimeElapsedColumn(),
            _RemainingTime(),
            TextColumn("[red]{task.fields[note]}"),
            console=console,
        )
        self._bars = {
            name: self._progress.add_task(name, total=total, mean="-", note="") for name, total in totals.items()
        }

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def count(self, earlier: Iterable[EpisodeResult]) -> None:
        """Count results of an earlier run, which are not used to estimate the time to go."""
        for result in earlier:
            self._tally.add(self._bar_of(result), result.score)
        for name, bar in self._bars.items():
            self._progress.update(bar, completed=self._tally.done[name], mean=self._tally.mean(name))

    def on_finish(self, result: EpisodeResult) -> None:
        name = self._bar_of(result)
        self._tally.add(name, result.score)
        self._progress.update(self._bars[name], advance=1, mean=self._tally.mean(name))

    def on_failure(self, planned: PlannedEpisode, message: str) -> None:
        self._tally.failed += 1
        note = f"{self._tally.failed} failed, the last: {escape(message[:60])}"
        self._progress.update(self._bars[self._bar_of(planned)], note=note)


class ProgressLines(RunObserver):
    """A status line every ``PLAIN_LINE_SECONDS``, for logs and pipes."""

    def __init__(
        self,
        console: Console,
        totals: dict[str, int],
        bar_of: Callable[[PlannedEpisode | EpisodeResult], str],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._total = sum(totals.values())
        self._bar_of = bar_of
        self._monotonic = monotonic
        self._tally = _Tally()
        self._earlier = 0
        self._began = self._printed_at = monotonic()

    def __enter__(self) -> Self:
        self._print(f"{counted(self._total - self._earlier, 'episode')} to play")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._print(self._status())

    def count(self, earlier: Iterable[EpisodeResult]) -> None:
        for result in earlier:
            self._tally.add(self._bar_of(result), result.score)
            self._earlier += 1

    def on_finish(self, result: EpisodeResult) -> None:
        self._tally.add(self._bar_of(result), result.score)
        if self._monotonic() - self._printed_at >= PLAIN_LINE_SECONDS:
            self._printed_at = self._monotonic()
            self._print(self._status())

    def on_failure(self, planned: PlannedEpisode, message: str) -> None:
        self._tally.failed += 1
        self._print(f"{planned.entry.key} trial {planned.trial} failed: {message}")

    def _status(self) -> str:
        done = self._tally.done.total()
        now_done, seconds = done - self._earlier, self._monotonic() - self._began
        left = (
            f", about {(self._total - done) * seconds / now_done:.0f} s to go"
            if now_done and done < self._total
            else ""
        )
        failed = f", {self._tally.failed} failed" if self._tally.failed else ""
        return f"{done} of {self._total} done, mean {self._tally.mean_of_all()}{failed}{left}"

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class _RemainingTime(ProgressColumn):
    """The time to go; nothing once all is done."""

    def __init__(self) -> None:
        super().__init__()
        self._remaining = TimeRemainingColumn()

    def render(self, task: Task) -> Text:
        return Text("") if task.finished else Text("eta ").append_text(self._remaining.render(task))


def by_task(each: PlannedEpisode | EpisodeResult) -> str:
    """The bar of an episode: its task."""
    return each.entry.task_id if isinstance(each, PlannedEpisode) else each.task_id
