"""Plays episodes: load, fold, decide, append, observe. Contains neither HTTP nor SQL.

Rule 1: all state is in the log; what is kept here can be dropped at any time. Rule 2: steps on one episode run one after
another. Rule 3: an answer is given only after its events are durable.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Callable, NamedTuple, Sequence

from domain.actions import Action, RunExperiment, SubmitDiagnosis
from domain.chain import EMPTY, Head, Link, NewEvent, link
from domain.episode.decide import Command, Decision, EndEpisode, decide, end
from domain.episode.observation import observe, observe_final, observe_reset
from domain.events import EpisodeExpired, EpisodeReset, ExpireReason, encode
from domain.families import FAMILIES, family_of
from domain.json import encode_json
from domain.scenario import Composition, Truth
from server.clock import to_timestamp
from server.episodes.cache import EpisodeCache
from server.episodes.commands import AuthorizedReset, ResetRequest
from server.episodes.errors import EpisodeTakenError, RoundClosedError, UnknownEpisodeError
from server.episodes.idempotency import is_repeated_step, is_replayable_reset, state_after_request
from server.episodes.invalid_actions import fitting
from server.episodes.keyed_lock import KeyedLock
from server.episodes.limits import OpenEpisodes
from server.episodes.responses import StepResponse, build_response, state_json
from server.episodes.start import initial_rows, prepare_start
from server.logs import EPISODE_ID
from server.scenarios.grading import grade_with_reruns, run_experiment
from server.scenarios.repository import CachedScenario, ScenarioRepository
from server.scenarios.reserve import ScenarioReserve
from server.scenarios.simulation import Simulation
from server.security.session_names import SessionName
from server.security.signing import Signer
from server.storage.attempts import ended_row, step_row
from server.storage.errors import RequestIdReusedError, RowRefusedError, StoreError, WrongExpectedVersionError
from server.storage.read_models import step_or_end_row
from server.storage.stream_codec import SERVER_ACTOR, EpisodeSnapshot
from server.storage.writers.protocol import Append, Commit, ForeignWrites, WriterStoppedError
from server.store import EventStore

logger = logging.getLogger(__name__)

_ATTEMPTS = 8
"""How often an unversioned command is decided anew when another process was faster."""


class Episodes:
    """Begins, continues, ends and reads episodes."""

    def __init__(
        self,
        store: EventStore,
        scenarios: ScenarioRepository,
        simulation: Simulation,
        reserve: ScenarioReserve,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        limit: int,
        open_episodes: OpenEpisodes,
        signer: Signer,
    ) -> None:
        self._store = store
        self._scenarios = scenarios
        self._simulation = simulation
        self._reserve = reserve
        self._clock = clock
        self._new_id = new_id
        self._registries = {family: encode_json(simulation.registry(family)) for family in FAMILIES}
        self._locks = KeyedLock()
        self.cache = self._cache = EpisodeCache(store, limit=limit)
        self._open = open_episodes
        self._signer = signer
        self.attempt_changes: int | None = 0
        """How many commits of this process changed ranked attempts; None: not known, because one was not answered."""

    async def reset(
        self,
        authorized: AuthorizedReset,
        *,
        client: str = "",
        session: SessionName | None = None,
        leaving: str | None = None,
        must_be_new: bool = False,
    ) -> StepResponse:
        """Begin an episode, resume one, or answer a repeated reset again. A new one closes ``leaving`` with it if it can.
        ``must_be_new``: refuse an episode that exists, whatever was asked for."""
        request = authorized.request
        episode_id = request.episode_id or authorized.make_name(self._new_id())
        async with self._locks.hold(episode_id):
            # An id of the server's own is new, with 128 random bits: nothing to look up.
            may_exist = request.episode_id is not None and self._may_exist(episode_id, request)
            current = await self._cache.load(episode_id, refresh=True) if may_exist else None
            cached: CachedScenario | None = None
            is_new = current is None
            if current is None:
                try:
                    current, cached = await self._begin(
                        episode_id, authorized, session, leaving if leaving != episode_id else None
                    )
                except (WrongExpectedVersionError, RequestIdReusedError):
                    current, is_new = await self._cache.load(episode_id, refresh=True), False
            is_answered = is_new or (
                current is not None and not must_be_new and is_replayable_reset(authorized, session, current.state)
            )
            if current is None or not is_answered:
                raise EpisodeTakenError(episode_id)
            if cached is None:
                cached = await self._scenarios.get(current.state.reset.scenario_digest)
            shown = observe_reset(cached.view, current.state, self._registries[family_of(cached.scenario.truth)])
            response = build_response(episode_id, current, shown, cached.scenario.truth, self._signer)
        over_limit = self._open.begin(client, episode_id) if is_new and current.state.reset.round is None else None
        if over_limit is not None:
            # At the version that was seen here: one that goes on at another server is no idle one.
            await self.leave(over_limit.episode_id, "idle", at_version=over_limit.version)
            self._open.discard(over_limit.episode_id)  # also where another server plays it or had closed it
        return response

    async def step(
        self,
        episode_id: str,
        action: Action,
        *,
        request_id: str | None = None,
        expected_version: int | None = None,
        may_repeat: bool = False,
    ) -> StepResponse:
        """Take a step; after the end, the final observation again. A step whose request id is known is answered with
        what was recorded; with ``may_repeat``, so is one without an id that equals the latest step."""
        async with self._locks.hold(episode_id):
            is_fresh = may_repeat
            known = None if is_fresh else self._cache.find(episode_id)
            current = known or await self._required(episode_id, refresh=is_fresh)
            for _ in range(_ATTEMPTS):
                state = current.state
                action = fitting(state, action)
                digest = state.reset.scenario_digest
                cached = self._scenarios.peek(digest) or await self._scenarios.get(digest)
                recorded: EpisodeSnapshot | None = None
                if request_id is None and may_repeat:
                    recorded = current if is_repeated_step(state, action, expected_version) else None
                elif request_id in current.request_ids:
                    recorded = await self._find_recorded(episode_id, request_id, action)
                if recorded is not None:
                    shown = observe(cached.view, recorded.state)
                    return build_response(episode_id, recorded, shown, cached.scenario.truth, self._signer)
                if state.ended is not None:
                    shown = observe_final(cached.view, state)
                    return build_response(episode_id, current, shown, cached.scenario.truth, self._signer)
                if expected_version not in (None, state.version):
                    if is_fresh:
                        raise WrongExpectedVersionError(episode_id, expected_version or 0, state.version)
                    current, is_fresh = await self._required(episode_id, refresh=True), True
                    continue
                try:
                    after, shown = await self._go_on(episode_id, current, cached, action, request_id)
                except (WrongExpectedVersionError, RequestIdReusedError):
                    current, is_fresh = await self._required(episode_id, refresh=True), True
                    continue
                return build_response(episode_id, after, shown, cached.scenario.truth, self._signer)
            raise WrongExpectedVersionError(episode_id, current.state.version, current.state.version)

    async def close(self, episode_id: str, reason: ExpireReason, *, at_version: int | None = None) -> bool:
        """End an episode that its agent left; nothing, and False, where it is over or has left that version."""
        async with self._locks.hold(episode_id):
            for _ in range(_ATTEMPTS):
                # A version is compared with the log: another server may have gone on.
                current = await self._cache.load(episode_id, refresh=at_version is not None)
                if current is None or current.state.ended is not None:
                    return False
                if at_version not in (None, current.state.version):
                    return False
                try:
                    await self._record(await self._prepare_end(episode_id, current, reason))
                    return True
                except WrongExpectedVersionError:
                    self._cache.drop(episode_id)
        return False

    async def leave(self, episode_id: str, reason: ExpireReason = "abandoned", at_version: int | None = None) -> None:
        """Close an episode in favour of another, which has begun already and must not fail for it."""
        known = self._cache.find(episode_id)
        if known is not None and known.state.ended is not None:
            return  # an end is final: it needs no look at the log
        try:
            await self.close(episode_id, reason, at_version=at_version)
        except (StoreError, WriterStoppedError) as error:
            logger.warning("an episode stays open until it has been idle for long: %s", error)

    async def foreign_writes(self, names: Sequence[str] | None = None) -> ForeignWrites:
        """See `Writer.foreign_writes`."""
        return await self._store.foreign_writes(names)

    async def exists(self, episode_id: str) -> bool:
        """Whether the episode was ever begun."""
        return episode_id in self._cache or bool(await self._store.read(episode_id))

    async def state(self, episode_id: str, *, is_sealed: bool = False) -> bytes:
        """The state object, as JSON. ``is_sealed``: without the truth, also after the end."""
        async with self._locks.hold(episode_id):
            current = await self._required(episode_id, refresh=True)
            cached = await self._scenarios.get(current.state.reset.scenario_digest)
            return state_json(episode_id, current.state, cached.scenario.truth, is_sealed=is_sealed)

    async def begun(self, episode_id: str) -> EpisodeReset:
        """The reset that began it."""
        return (await self._required(episode_id)).state.reset

    async def is_running(self, episode_id: str) -> bool:
        """Whether it is open, by the log."""
        async with self._locks.hold(episode_id):
            return (await self._required(episode_id, refresh=True)).state.ended is None

    async def events(self, episode_id: str) -> tuple[Link, ...]:
        """The recorded events."""
        links = await self._store.read(episode_id)
        if not links:
            raise UnknownEpisodeError(episode_id)
        return links

    def _may_exist(self, episode_id: str, request: ResetRequest) -> bool:
        """Whether to look for an episode that the client named before it is begun. Most are new, and the append at version 0
        tells where one is not; that is worth trying only where nothing has to be generated for it."""
        if request.resume or episode_id in self._cache:
            return True
        return request.seed is None or not self._scenarios.has(
            request.task_id or "easy", request.seed, request.wanted_split
        )

    async def _begin(
        self, episode_id: str, authorized: AuthorizedReset, session: SessionName | None, leaving: str | None
    ) -> tuple[EpisodeSnapshot, CachedScenario]:
        # The seed is drawn from an id of its own: the episode's id is public, and the seed must not follow from it.
        command, cached = await prepare_start(
            self._scenarios, self._reserve, authorized, session=session, drawn_from=self._new_id()
        )
        start = prepare_append(
            episode_id,
            None,
            decide(None, command, cached.view),
            now=to_timestamp(self._clock()),
            actor=command.agent or "agent",
            request_id=authorized.request.request_id,
            cached=cached,
        )
        if leaving is None or not await self._record_and_close(start, leaving):
            await self._record(start)
        cached.is_stored = True
        return start.after, cached

    async def _go_on(
        self, episode_id: str, current: EpisodeSnapshot, cached: CachedScenario, action: Action, request_id: str | None
    ) -> tuple[EpisodeSnapshot, bytes]:
        """Record a step; returns the snapshot after it and what is shown of it."""
        command: Command
        if isinstance(action, SubmitDiagnosis):
            command = await grade_with_reruns(self._simulation, current.state, action, cached)
        elif isinstance(action, RunExperiment):
            command = await run_experiment(self._simulation, current.state, action, cached)
        else:
            command = action
        reset = current.state.reset
        decided = decide(current.state, command, cached.view)
        step = prepare_append(
            episode_id,
            current,
            decided,
            now=to_timestamp(self._clock()),
            actor=reset.agent or "agent",
            request_id=request_id,
            truth=cached.scenario.truth if reset.round is not None else None,
        )
        await self._record(step)
        return step.after, decided.shown

    async def _record_and_close(self, start: PreparedAppend, left: str) -> bool:
        """Record both, or nothing and False where the one that was left is busy, is over or went on at another server."""
        if self._locks.is_locked(left):
            return (
                False  # not waited for: two resets, each to the episode that the other one leaves, would wait for ever
            )
        async with self._locks.hold(left):
            current = await self._cache.load(left)
            if current is None or current.state.ended is not None:
                return False
            try:
                await self._record(start, await self._prepare_end(left, current, "abandoned"))
            except WrongExpectedVersionError as error:
                if error.stream_id != left:
                    raise
                return False
            return True

    async def _prepare_end(self, episode_id: str, current: EpisodeSnapshot, reason: ExpireReason) -> PreparedAppend:
        """The end of an open episode by the server. Only a ranked one needs its scenario."""
        reset, truth = current.state.reset, None
        if reset.round is not None:
            truth = (await self._scenarios.get(reset.scenario_digest)).scenario.truth
        decided, now = end(current.state, EndEpisode(reason)), to_timestamp(self._clock())
        return prepare_append(episode_id, current, decided, now=now, actor=SERVER_ACTOR, truth=truth)

    async def _record(self, *changes: PreparedAppend) -> None:
        """Append the changes in one commit and cache the new snapshots; raises ``RoundClosedError`` where the round of the
        first was closed meanwhile."""
        appends, _ = zip(*changes, strict=True)
        EPISODE_ID.set(appends[0].stream_id)
        try:
            foreign_writes = await self._store.append(Commit(appends))
        except BaseException as error:
            # Another writer was faster, or it is unknown whether this was written: the next load reads the log.
            for each in changes:
                self._cache.drop(each.append.stream_id)
                if each.after.state.reset.round is not None and not isinstance(error, StoreError):
                    self.attempt_changes = None
            round_id = changes[0].after.state.reset.round
            if isinstance(error, RowRefusedError) and round_id is not None:
                raise RoundClosedError(round_id) from error
            raise
        for each in changes:
            episode_id, state = each.append.stream_id, each.after.state
            if state.reset.round is not None and self.attempt_changes is not None:
                self.attempt_changes += 1
            self._cache.keep(episode_id, each.after, foreign_writes)
            self._open.touch(episode_id, state.version) if state.ended is None else self._open.discard(episode_id)

    async def _find_recorded(self, episode_id: str, request_id: str, action: Action) -> EpisodeSnapshot:
        """The snapshot after the step of a request id; raises ``RequestIdReusedError`` where that was another action."""
        recorded = state_after_request(await self._store.read(episode_id), request_id, action)
        if recorded is None:
            raise RequestIdReusedError(episode_id, request_id)
        return recorded

    async def _required(self, episode_id: str, *, refresh: bool = False) -> EpisodeSnapshot:
        current = await self._cache.load(episode_id, refresh=refresh)
        if current is None:
            raise UnknownEpisodeError(episode_id)
        return current


class PreparedAppend(NamedTuple):
    """What was decided for an episode and is not recorded yet, with the state after it."""

    append: Append
    after: EpisodeSnapshot


def prepare_append(
    episode_id: str,
    current: EpisodeSnapshot | None,
    decided: Decision,
    *,
    now: str,
    actor: str,
    request_id: str | None = None,
    cached: CachedScenario | None = None,
    truth: Truth | Composition | None = None,
) -> PreparedAppend:
    """Link the decided events and make the rows that belong to them. The first event carries the request id.

    Args:
        cached: the scenario, where the episode begins.
        truth: of a ranked episode that goes on; None: practice, or the episode begins.
    """
    head = current.head if current is not None else EMPTY
    last = head
    linked: list[Link] = []
    for event in decided.events:
        kind, schema_version, payload = encode(event)
        caused_by = SERVER_ACTOR if isinstance(event, EpisodeExpired) else actor
        new = NewEvent(kind, schema_version, now, caused_by, None if linked else request_id, payload)
        linked.append(link(episode_id, last, new))
        last = Head(linked[-1].version, linked[-1].hash)
    state = decided.after
    rows = (step_or_end_row(linked[-1], state),) if cached is None else initial_rows(linked[-1], state, cached)
    if truth is not None and state.ended is not None:
        by_agent = not all(isinstance(each, EpisodeExpired) for each in decided.events)
        rows = (*rows, ended_row(linked[-1], state, truth, by_agent=by_agent))
    elif truth is not None:
        rows = (*rows, step_row(episode_id))
    used = current.request_ids if current is not None else frozenset()
    after = EpisodeSnapshot(state, last, used if request_id is None else used | {request_id})
    return PreparedAppend(Append(episode_id, head.version, tuple(linked), rows), after)
