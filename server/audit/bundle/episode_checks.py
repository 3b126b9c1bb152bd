"""Checks the episodes of a bundle, each by itself: chain, withheld payloads, receipt, and everything that an audit derives again.

Runs in worker processes. What concerns several episodes is compared by the caller, who gets the heads and the attempts.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Mapping, NamedTuple, Sequence

from domain.chain import Head, verify_chain
from domain.episode.state import EpisodeState
from domain.events import ENDING_KINDS
from domain.ranking.rounds import round_of_name
from server.audit.bundle.episodes import GivenEpisode, GivenScenario, RawBatch, parse_episode, parse_scenario
from server.audit.bundle.reader import BundleError
from server.audit.episode_audit import AuditedLinks, audit_links
from server.audit.ranked_checks import RankedAuditData
from server.audit.report import StoreFinding
from server.audit.scenario_cache import AuditScenarioCache
from server.episodes.responses import receipt_statement
from server.scenarios.repository import CachedScenario, ScenarioLostError, read_body
from server.scenarios.simulation import InProcessSimulation
from server.security.signing import is_signed_by
from server.storage.attempts import attempt_values


class CheckContext(NamedTuple):
    """What the episodes of a bundle are checked against."""

    public_key: str
    ranked: RankedAuditData
    closed_rounds: frozenset[str]
    kept_receipts: Mapping[str, Sequence[Mapping[str, Any]]]
    """Episode to statements of receipts that were stored before, signed by the key."""


class CheckedEpisode(NamedTuple):
    """What an episode is compared by with what lies outside of it."""

    name: str
    events: tuple[tuple[int, int | None, bytes], ...]
    """Version, position and hash of each."""
    attempt: dict[str, Any] | None
    """Its row, if it is a ranked attempt that can be derived."""


class CheckedBatch(NamedTuple):
    episodes: list[CheckedEpisode]
    findings: list[StoreFinding]
    notes: Counter[str]
    audited_events: int
    withheld: int
    """Episodes with withheld payloads, of which only the chain can be verified."""
    generated: int
    seconds: float
    """Processor time spent on generation."""


def check_batch(batch: RawBatch, context: CheckContext) -> CheckedBatch:
    """Check episodes that share a scenario; raises ``BundleError`` where they are malformed."""
    try:
        scenario = parse_scenario(batch.scenario) if batch.scenario is not None else None
        given = [parse_episode(raw) for raw in batch.episodes]
    except BundleError:
        raise
    except RecursionError as error:
        raise BundleError("it is nested too deeply") from error
    except (ValueError, LookupError, TypeError) as error:
        raise BundleError(" ".join(str(error).split())[:200] or type(error).__name__) from error
    return asyncio.run(_EpisodeChecker(scenario, context).check(given))


class _EpisodeChecker:
    def __init__(self, scenario: GivenScenario | None, context: CheckContext) -> None:
        self._scenario = scenario
        self._context = context
        self._simulation = InProcessSimulation()
        self._scenario_cache = AuditScenarioCache(self._simulation)
        self._episodes: list[CheckedEpisode] = []
        self._findings: list[StoreFinding] = []
        self._notes: Counter[str] = Counter()
        self._audited_events = self._withheld = 0

    async def check(self, given: list[GivenEpisode]) -> CheckedBatch:
        for each in given:
            try:
                await self._check_one(each)
            except Exception as error:  # noqa: BLE001 - any content of an untrusted file is a finding
                message = " ".join(str(error).split())[:200]
                self._add("fold", f"the events cannot be derived: {message}", each.name)
                self._episodes.append(_compared_by(each, None))
        cache = self._scenario_cache
        return CheckedBatch(
            self._episodes,
            self._findings,
            self._notes,
            self._audited_events,
            self._withheld,
            cache.generated,
            cache.cpu_seconds,
        )

    async def _check_one(self, given: GivenEpisode) -> None:
        if not given.links:
            self._check_without_events(given)
            return
        self._check_withheld(given)
        audited: AuditedLinks | None = None
        if all(each.payload is not None for each in given.links):
            audited = await self._audit(given)
        else:
            self._withheld += 1
        state = audited.state if audited is not None else None
        self._check_receipts(given, state)
        self._check_kept_receipts(given, state)
        self._episodes.append(_compared_by(given, audited))

    async def _audit(self, given: GivenEpisode) -> AuditedLinks:
        audited = await audit_links(
            given.links,
            self._simulation,
            given.name,
            read_scenario=self._read_scenario,
            scenario_cache=self._scenario_cache,
            ranked=self._context.ranked,
        )
        self._findings += [StoreFinding(**each.model_dump(), episode_id=given.name) for each in audited.report.findings]
        self._notes.update(set(audited.report.notes))
        self._audited_events += audited.report.events
        return audited

    async def _read_scenario(self, digest: str) -> CachedScenario:
        scenario = self._scenario
        if scenario is None or scenario.digest != digest:
            raise ScenarioLostError(digest, "is not in the bundle")
        return CachedScenario(read_body(scenario.body, digest), is_stored=True, split=scenario.split)  # type: ignore[arg-type]

    def _check_without_events(self, given: GivenEpisode) -> None:
        for each in given.receipts:
            if is_receipt(self._context.public_key, each):
                self._add("receipt", "there is a receipt, but no events: it is gone", given.name)
            else:
                self._add("receipt", "a receipt is not signed by this key", None)
        if not given.receipts:
            self._add("chain", "it has no events", given.name)

    def _check_withheld(self, given: GivenEpisode) -> None:
        """Check that only resets of running episodes are withheld, and that no episode of a closed round runs."""
        name, links = given.name, given.links
        missing = [each for each in links if each.payload is None]
        if _is_running(given) and round_of_name(name) in self._context.closed_rounds:
            self._add("withheld", f"it runs, though round {round_of_name(name)} is closed", name)
        elif any(not _is_running(given) or each.kind != "reset" for each in missing):
            self._add("withheld", f"the payload of version {missing[-1].version} is withheld", name)
        if missing:
            for broken in verify_chain(name, links):
                self._add("chain", f"{broken.fault} does not fit", name, broken.version)

    def _check_receipts(self, given: GivenEpisode, state: EpisodeState | None) -> None:
        """Check that exactly an ended episode has a receipt, signed by this key, that matches its events."""
        name = given.name
        signed = [each["statement"] for each in given.receipts if is_receipt(self._context.public_key, each)]
        if len(signed) < len(given.receipts):
            self._add("receipt", "a receipt is not signed by this key", name)
        if any(each["episode_id"] != name for each in signed):
            self._add("receipt", "the receipt is of another episode", name)
        elif _is_running(given):
            if signed:
                self._add("receipt", "it runs, though there is the receipt of its end", name)
        elif not signed:
            self._add("receipt", "there is no receipt that is signed by this key", name)
        elif _contradicts(given, state, signed[-1]):
            self._add("receipt", "the receipt says something else than the events", name)
        elif given.links[-1].hash.hex() != signed[-1]["head_hash"]:
            self._add("receipt", "the receipt is of other events", name)

    def _check_kept_receipts(self, given: GivenEpisode, state: EpisodeState | None) -> None:
        for statement in self._context.kept_receipts.get(given.name, ()):
            if _is_running(given):
                self._add("receipt", "the receipt of its end was kept, but it runs", given.name)
            elif _contradicts(given, state, statement):
                self._add("receipt", "the receipt that was kept says something else than the events", given.name)

    def _add(self, code: str, message: str, name: str | None, version: int | None = None) -> None:
        self._findings.append(StoreFinding(code=code, version=version, message=message, episode_id=name))


def _compared_by(given: GivenEpisode, audited: AuditedLinks | None) -> CheckedEpisode:
    events = tuple((each.version, each.position, each.hash) for each in given.links)
    attempt = None
    if audited is not None and audited.state is not None and audited.truth is not None:
        state = audited.state
        if state.reset.round is not None:
            attempt = attempt_values(given.links[0], given.links[-1], state, audited.truth)
    return CheckedEpisode(given.name, events, attempt)


def _is_running(given: GivenEpisode) -> bool:
    return given.links[-1].kind not in ENDING_KINDS


def _contradicts(given: GivenEpisode, state: EpisodeState | None, statement: Mapping[str, Any]) -> bool:
    if state is None:
        return False  # the audit reports it, or the payload is withheld
    last = given.links[-1]
    return state.ended is None or statement != receipt_statement(given.name, state, Head(last.version, last.hash))


def is_receipt(public_key: str, given: Any) -> bool:
    """Whether it is a receipt with a signature of this key."""
    if not is_signed_by(public_key, given) or not isinstance(given["statement"], dict):
        return False
    statement = given["statement"]
    return (
        statement.get("kind") == "receipt" and isinstance(statement.get("episode_id"), str) and "head_hash" in statement
    )
