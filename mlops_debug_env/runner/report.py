"""Renders summaries and comparisons as tables."""

from __future__ import annotations

import sys

from rich import box
from rich.console import Console
from rich.console import Group as Rendered
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from mlops_debug_env.protocol.counts import counted
from mlops_debug_env.runner.compare import Comparison
from mlops_debug_env.runner.summary import Group, Interval, ModelFigures, Summary

_PIPE_WIDTH = 160


def render_summary(summary: Summary) -> Rendered:
    """Tables by task and by fault, and the model's usage."""
    parts: list[Table | Text] = [_table(summary, escape(f"{summary.agent}, run {summary.run_id[:8]}"))]
    if summary.faults:
        parts.append(_faults(summary))
    if summary.model is not None:
        parts.append(_model(summary.model))
    parts += [Text(f"warning: {each}") for each in summary.warnings]
    done = summary.overall.episodes if summary.overall is not None else 0
    if done < summary.planned:
        parts.append(Text(f"{done} of {counted(summary.planned, 'episode')} played; the rest has no result yet"))
    return Rendered(*parts)


def render_comparison(comparison: Comparison) -> Rendered:
    """Paired differences by task."""
    table = Table(
        box=box.SIMPLE_HEAD, title=escape(f"{comparison.second} minus {comparison.first}, on the same entries")
    )
    for name in (
        "task",
        "entries",
        escape(comparison.first),
        escape(comparison.second),
        "difference",
        "95 %",
        "detectable",
        "better",
        "worse",
        "same",
    ):
        table.add_column(name, justify="left" if name == "task" else "right")
    for name, pair in comparison.tasks.items():
        table.add_row(
            name,
            str(pair.entries),
            f"{pair.first:.3f}",
            f"{pair.second:.3f}",
            f"{pair.difference.mean:+.3f}",
            _bounds(pair.difference, sign="+"),
            _or_dash(pair.detectable_difference),
            str(pair.better),
            str(pair.worse),
            str(pair.same),
        )
    notes = [Text(comparison.note)] if comparison.note else []
    return Rendered(table, *notes)


def render_many(summaries: list[Summary]) -> Table:
    """One row for each agent and task: a comparison of agents."""
    table = Table(box=box.SIMPLE_HEAD, title="mean score with its 95 % interval")
    table.add_column("agent")
    tasks = list(dict.fromkeys(name for each in summaries for name in each.tasks))
    for name in tasks:
        table.add_column(name, justify="right")
    table.add_column("steps", justify="right")
    for name in ("right", "brier", "skill"):
        table.add_column(name, justify="right")
    for each in summaries:
        cells = [_interval(each.tasks[name]) if name in each.tasks else "-" for name in tasks]
        overall = each.overall
        table.add_row(
            escape(each.agent),
            *cells,
            f"{overall.mean_steps:.1f}" if overall else "-",
            *(_or_dash(getattr(overall, name) if overall else None) for name in ("accuracy", "brier", "skill")),
        )
    return table


def to_text(shown: Rendered | Table) -> str:
    """The text to print: in colour on a terminal, and not wrapped in a pipe."""
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    with console.capture() as captured:
        console.print(shown)
    return captured.get()


def _table(summary: Summary, title: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=title)
    groups = dict(summary.tasks)
    if summary.overall is not None:
        groups["all"] = summary.overall
    most = max((max(each.pass_at) for each in groups.values()), default=1)
    names = ["task", "n", "score", "95 %", "pass@1"]
    names += [f"pass@{most}", f"pass^{most}"] if most > 1 else []
    for name in (*names, "steps", "right", "brier", "skill", "ece"):
        table.add_column(name, justify="left" if name == "task" else "right")
    for name, group in groups.items():
        passes = [_share(group.pass_at, 1)]
        passes += [_share(group.pass_at, most), _share(group.pass_all, most)] if most > 1 else []
        table.add_row(
            name,
            str(group.episodes),
            f"{group.score.mean:.3f}",
            _bounds(group.score),
            *passes,
            f"{group.mean_steps:.1f}",
            _or_dash(group.accuracy),
            _or_dash(group.brier),
            _or_dash(group.skill),
            _or_dash(group.calibration_error),
        )
    return table


def _faults(summary: Summary) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title="by what was planted")
    for name in ("fault", "n", "score", "95 %", "pass@1"):
        table.add_column(name, justify="left" if name == "fault" else "right")
    for name, group in summary.faults.items():
        table.add_row(
            name, str(group.episodes), f"{group.score.mean:.3f}", _bounds(group.score), _share(group.pass_at, 1)
        )
    return table


def _model(used: ModelFigures) -> Text:
    cost = "unknown (no price)" if used.cost_usd is None else f"{used.cost_usd:.4f} USD"
    parts = {"estimated": used.estimated_tokens, "cached": used.cached_tokens, "reasoning": used.reasoning_tokens}
    named = ", ".join(f"{count} {name}" for name, count in parts.items() if count)
    guessed = f" (of them {named})" if named else ""
    return Text(
        f"model: {counted(used.calls, 'call')}, {used.input_tokens} + {used.output_tokens} tokens{guessed}, cost {cost}, "
        f"{used.latency_seconds_per_call:.2f} s a call, {counted(used.retries, 'retry')}\n"
        f"kept to the rules: {counted(used.invalid_replies, 'invalid reply')}, {counted(used.fallback_steps, 'step')} taken for it, "
        f"{counted(used.ignored_calls, 'further call')} ignored; {counted(used.folded_results, 'result')} folded"
    )


def _interval(group: Group) -> str:
    return f"{group.score.mean:.3f}\n{_bounds(group.score)}"


def _bounds(interval: Interval, sign: str = "") -> str:
    if interval.low is None or interval.high is None:
        return "too few"
    return f"{interval.low:{sign}.3f} to {interval.high:{sign}.3f}"


def _share(shares: dict[int, float], k: int) -> str:
    return f"{shares[k]:.2f}" if k in shares else "-"


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
