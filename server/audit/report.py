"""Results of audits: findings, and notes on what could not be checked."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from mlops_debug_env.protocol.counts import counted


class Finding(BaseModel):
    """A mismatch: recorded data was changed, or does not follow from the events."""

    model_config = ConfigDict(frozen=True)

    code: str
    """``chain``, ``fold``, ``scenario``, ``generate``, ``execute``, ``grade``, ``row``, ``round``, ``regrade``, ``checkpoint``, ``record``, or, of a bundle,
    ``signature``, ``withheld``, ``receipt`` or ``board``."""
    version: int | None
    """The version of the event. None: it concerns the episode as a whole."""
    message: str


class AuditReport(BaseModel):
    """The result of an audit of one episode."""

    model_config = ConfigDict(frozen=True)

    episode_id: str
    events: int
    """Number of events that were audited."""
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    """What could not be checked, and why."""


class StoreFinding(Finding):
    """A finding of an audit of many episodes."""

    episode_id: str | None
    """None: it concerns the store as a whole."""


class StoreReport(BaseModel):
    """The result of an audit of many episodes."""

    model_config = ConfigDict(frozen=True)

    episodes: int
    events: int
    scenarios: int
    """Distinct scenarios; each was generated again once, or a few times where very many episodes share it."""
    seconds: float
    """Time that passed."""
    seconds_a_scenario: float | None
    """Processor time of one further scenario and its patches. None: no scenario was generated."""
    findings: tuple[StoreFinding, ...]
    notes: dict[str, int]
    """What could not be checked, mapped to the number of episodes."""
    derived: int | None = None
    """Episodes that were derived; of the others, chains and heads were compared. None: all were derived."""
    since: str | None = None
    """When the newest record was made of what earlier audits have derived. None: none was used."""


def render_report(report: AuditReport) -> str:
    """The report as text."""
    lines = [
        f"episode {report.episode_id}: {counted(report.events, 'event')}, {counted(len(report.findings), 'finding')}"
    ]
    lines += [f"  {_place(each)}: {each.message}" for each in report.findings]
    return "\n".join([*lines, *(f"  note: {note}" for note in report.notes)])


def render_store_report(report: StoreReport, *, is_of_checkpoint: bool = False) -> str:
    """The report of many episodes as text. ``is_of_checkpoint``: no episode was audited, only a checkpoint compared."""
    lines = [
        f"{counted(report.episodes, 'episode')}, {counted(report.events, 'event')}, {counted(report.scenarios, 'scenario')}, "
        f"{counted(len(report.findings), 'finding')} in {report.seconds:.1f} s"
    ]
    if is_of_checkpoint:
        lines = [f"compared with the checkpoint and those of the store, {counted(len(report.findings), 'finding')}"]
    if report.derived is not None:
        lines.append(_render_derived(report.derived, report))
    if report.seconds_a_scenario is not None:
        lines.append(f"a further scenario costs {1000 * report.seconds_a_scenario:.0f} ms of one core")
    for each in report.findings:
        named = f"episode {each.episode_id}" if each.episode_id is not None else "the store"
        lines.append(f"  {named}: {_place(each)}: {each.message}")
    return "\n".join(
        [*lines, *(f"  note, {counted(count, 'episode')}: {note}" for note, count in report.notes.items())]
    )


def _render_derived(derived: int, report: StoreReport) -> str:
    others = report.episodes - derived
    if not others:
        return f"{counted(derived, 'episode')} derived, which {'is' if derived == 1 else 'are'} all"
    if report.since is None:
        return f"{counted(derived, 'episode')} derived; of the other {others} only chains and heads were compared"
    were, are = ("was", "is") if others == 1 else ("were", "are")
    return (
        f"{counted(derived, 'episode')} derived; {others} {were} derived by earlier audits, the last at {report.since}, "
        f"and {are} unchanged"
    )


def _place(each: Finding) -> str:
    return each.code if each.version is None else f"{each.code} at version {each.version}"
