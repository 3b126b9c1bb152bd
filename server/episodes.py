"""Plays episodes: load, fold, decide, append, observe. Knows neither HTTP nor SQL.

Rule 1: all state is in the log; what is kept here can be dropped at any time. Rule 2: steps on one episode run one after
another. Rule 3: an answer is given only after its events are durable.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Callable

from domain.actions import Action, SubmitDiagnosis
from domain.chain import Link
from domain.episode import Command, Decision, EndEpisode, decide, end
from domain.events import ExpireReason
from domain.evidence_view import encode_json
from domain.observation import observe, observe_final, observe_reset
from server.admitted import Admitted, SessionName
from server.answers import Answer, answer, state_json
from server.beginning import begin
from server.changes import Change, change_of
from server.folded import FoldedEpisodes
from server.folding import SERVER_ACTOR, FoldedEpisode
from server.grading import grade_submission
from server.limits import OpenEpisodes
from server.locks import NamedLocks
from server.recall import can_answer_again, fold_after_request, is_repeated_step
from server.receipts import sign_receipt
from server.round_errors import RoundClosedError
from server.scenarios import HeldScenario, Scenarios
from server.signing import Signer
from server.store import EventStore
from server.store_errors import RequestIdReusedError, RowRefusedError, StoreError, WrongExpectedVersionError
from server.times import format_time
from server.trace import EPISODE_ID
from server.world import World
from server.writer import WriterStoppedError

logger = logging.getLogger(__name__)

_ATTEMPTS = 8
"""How often an unversioned command is decided anew when another process was faster."""


class UnknownEpisodeError(Exception):
    def __init__(self, episode_id: str) -> None:
        super().__init__(f"there is no episode {episode_id}")
        self.episode_id = episode_id


class EpisodeTakenError(Exception):
    """A reset names an episode that exists and is not the same, or has gone on."""

    def __init__(self, episode_id: str) -> None:
        super().__init__(f"episode {episode_id} exists")
        self.episode_id = episode_id


class Episodes:
    """The one way to begin, continue and look at episodes."""

    def __init__(
        self,
        store: EventStore,
        scenarios: Scenarios,
        world: World,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        limit: int,
        open_episodes: OpenEpisodes,
        signer: Signer,
    ) -> None:
        self._store = store
        self._scenarios = scenarios
        self._world = world
        self._clock = clock
        self._new_id = new_id
        self._registry = encode_json(world.registry())
        self._locks = NamedLocks()
        self.cache = self._folded = FoldedEpisodes(store, limit=limit)
        self._open = open_episodes
        self._signer = signer

    async def reset(
        self, admitted: Admitted, *, client: str = "", session: SessionName | None = None, leaving: str | None = None
    ) -> Answer:
        """Begin an episode, resume one, or answer a repeated reset again. A new one closes ``leaving`` with it if it can."""
        request = admitted.request
        episode_id = request.episode_id or admitted.make_name(self._new_id())
        async with self._locks.holding(episode_id):
            # A made id is new by its 128 random bits: nothing to look up.
            current = await self._folded.load(episode_id, again=True) if request.episode_id is not None else None
            is_new = current is None
            if current is None:
                try:
                    # Whoever has a made name must have heard it from here: to wait for two names holds nobody up.
                    current = await self._begin(episode_id, admitted, session, None if request.episode_id else leaving)
                except (WrongExpectedVersionError, RequestIdReusedError):
                    current, is_new = await self._folded.load(episode_id, again=True), False
            if current is None or not (is_new or can_answer_again(admitted, session, current.state)):
                raise EpisodeTakenError(episode_id)
            held = await self._scenarios.load(current.state.reset.scenario_digest)
            shown = observe_reset(held.view, current.state, self._registry)
            answered = self._answer(episode_id, current, shown, held)
        one_too_many = self._open.begin(client, episode_id) if is_new and current.state.reset.round is None else None
        if one_too_many is not None:
            # At the version that was seen here: one that goes on at another server is no idle one.
            await self.leave(one_too_many.episode_id, "idle", at_version=one_too_many.version)
            self._open.discard(one_too_many.episode_id)  # also where another server plays it or had closed it
        return answered

    async def step(
        self,
        episode_id: str,
        action: Action,
        *,
        request_id: str | None = None,
        expected_version: int | None = None,
        may_repeat: bool = False,
    ) -> Answer:
        """Take a step; after the end, the final observation again. A step whose request id is known is answered with
        what was recorded; with ``may_repeat``, so is one without an id that equals the latest step."""
        async with self._locks.holding(episode_id):
            is_fresh = may_repeat
            known = None if is_fresh else self._folded.find(episode_id)
            current = known or await self._required(episode_id, again=is_fresh)
            for _ in range(_ATTEMPTS):
                state = current.state
                scenario = state.reset.scenario_digest
                held = self._scenarios.find(scenario) or await self._scenarios.load(scenario)
                if request_id is not None and request_id in current.request_ids:
                    return await self._stored_answer(episode_id, action, held, request_id)
                if may_repeat and request_id is None and is_repeated_step(state, action, expected_version):
                    return self._answer(episode_id, current, observe(held.view, state), held)
                if state.ended is not None:
                    return self._answer(episode_id, current, observe_final(held.view, state), held)
                if expected_version not in (None, state.version):
                    if is_fresh:
                        raise WrongExpectedVersionError(episode_id, expected_version or 0, state.version)
                    current, is_fresh = await self._required(episode_id, again=True), True
                    continue
                try:
                    current = await self._go_on(episode_id, current, held, action, request_id)
                except (WrongExpectedVersionError, RequestIdReusedError):
                    current, is_fresh = await self._required(episode_id, again=True), True
                    continue
                shown = observe(held.view, current.state)
                return self._answer(episode_id, current, shown, held)
            raise WrongExpectedVersionError(episode_id, current.state.version, current.state.version)

    async def close(self, episode_id: str, reason: ExpireReason, *, at_version: int | None = None) -> bool:
        """End an episode that its agent left; nothing, and False, where it is over or has left that version."""
        async with self._locks.holding(episode_id):
            for _ in range(_ATTEMPTS):
                # A version is compared with the log: another server may have gone on.
                current = await self._folded.load(episode_id, again=at_version is not None)
                if current is None or current.state.ended is not None:
                    return False
                if at_version not in (None, current.state.version):
                    return False
                ending = end(current.state, EndEpisode(reason))
                try:
                    await self._record(await self._change(episode_id, current, ending, actor=SERVER_ACTOR))
                    return True
                except WrongExpectedVersionError:
                    self._folded.drop(episode_id)
        return False

    async def leave(self, episode_id: str, reason: ExpireReason = "abandoned", at_version: int | None = None) -> None:
        """Close an episode in favour of another, which has begun already and must not fail for it."""
        try:
            await self.close(episode_id, reason, at_version=at_version)
        except (StoreError, WriterStoppedError) as error:
            logger.warning("an episode stays open until it has been idle for long: %s", error)

    async def exists(self, episode_id: str) -> bool:
        """Whether the episode was ever begun."""
        return await self._folded.load(episode_id) is not None

    async def state(self, episode_id: str) -> bytes:
        """The state object, as JSON."""
        async with self._locks.holding(episode_id):
            current = await self._required(episode_id, again=True)
            held = await self._scenarios.load(current.state.reset.scenario_digest)
            return state_json(episode_id, current.state, held.scenario.truth)

    async def is_running(self, episode_id: str) -> bool:
        """Whether it is open, by the log."""
        async with self._locks.holding(episode_id):
            return (await self._required(episode_id, again=True)).state.ended is None

    async def events(self, episode_id: str) -> tuple[Link, ...]:
        """The recorded events."""
        links = await self._store.read(episode_id)
        if not links:
            raise UnknownEpisodeError(episode_id)
        return links

    async def _begin(
        self, episode_id: str, admitted: Admitted, session: SessionName | None, leaving: str | None
    ) -> FoldedEpisode:
        # The seed is drawn from an id of its own: the episode's id is public and must not tell it.
        command, held = await begin(self._scenarios, admitted, session=session, drawn_from=self._new_id())
        decided, actor = decide(None, command, held.view), command.agent or "agent"
        beginning = await self._change(
            episode_id, None, decided, actor=actor, request_id=admitted.request.request_id, held=held
        )
        if leaving is None or not await self._record_and_close(beginning, leaving):
            await self._record(beginning)
        held.is_stored = True
        return beginning.after

    async def _go_on(
        self, episode_id: str, current: FoldedEpisode, held: HeldScenario, action: Action, request_id: str | None
    ) -> FoldedEpisode:
        command: Command
        if isinstance(action, SubmitDiagnosis):
            command = await grade_submission(self._world, current.state, action, held)
        else:
            command = action
        decided = decide(current.state, command, held.view)
        actor = current.state.reset.agent or "agent"
        step = await self._change(episode_id, current, decided, actor=actor, request_id=request_id)
        await self._record(step)
        return step.after

    async def _record_and_close(self, beginning: Change, left: str) -> bool:
        """Record both, or nothing and False where the one that was left is over or went on at another server."""
        async with self._locks.holding(left):
            current = await self._folded.load(left)
            if current is None or current.state.ended is not None:
                return False
            ending = end(current.state, EndEpisode("abandoned"))
            try:
                await self._record(beginning, await self._change(left, current, ending, actor=SERVER_ACTOR))
            except WrongExpectedVersionError as error:
                if error.stream_id != left:
                    raise
                return False
            return True

    async def _change(
        self,
        episode_id: str,
        current: FoldedEpisode | None,
        decided: Decision,
        *,
        actor: str,
        request_id: str | None = None,
        held: HeldScenario | None = None,
    ) -> Change:
        truth = None
        if current is not None and current.state.reset.round is not None:
            truth = (await self._scenarios.load(current.state.reset.scenario_digest)).scenario.truth
        now = format_time(self._clock())
        return change_of(
            episode_id, current, decided, now=now, actor=actor, request_id=request_id, held=held, truth=truth
        )

    async def _record(self, change: Change, beside: Change | None = None) -> None:
        """Append a change, with another episode's beside it, and keep the folds that the append made true; raises
        ``RoundClosedError`` where the round of the first was closed meanwhile."""
        EPISODE_ID.set(change.append.stream_id)
        changes = [change] if beside is None else [change, beside]
        try:
            await self._store.write(change.append._replace(beside=beside.append) if beside else change.append)
        except BaseException as error:
            # Not known whether it was written, or known that another writer was faster: the log knows.
            for each in changes:
                self._folded.drop(each.append.stream_id)
            round_id = change.after.state.reset.round
            if isinstance(error, RowRefusedError) and round_id is not None:
                raise RoundClosedError(round_id) from error
            raise
        for each in changes:
            episode_id, state = each.append.stream_id, each.after.state
            self._folded.keep(episode_id, each.after)
            self._open.touch(episode_id, state.version) if state.ended is None else self._open.discard(episode_id)

    async def _stored_answer(self, episode_id: str, action: Action, held: HeldScenario, request_id: str) -> Answer:
        """What the step of this request id was answered with; another action under the same id is refused."""
        current = fold_after_request(await self._store.read(episode_id), request_id, action)
        if current is None:
            raise RequestIdReusedError(episode_id, request_id)
        return self._answer(episode_id, current, observe(held.view, current.state), held)

    def _answer(self, episode_id: str, current: FoldedEpisode, shown: bytes, held: HeldScenario) -> Answer:
        state, receipt = current.state, None
        if state.ended is not None:
            receipt = sign_receipt(self._signer, episode_id, state, current.head)
        return answer(episode_id, state, shown, held.scenario.truth, receipt)

    async def _required(self, episode_id: str, *, again: bool = False) -> FoldedEpisode:
        current = await self._folded.load(episode_id, again=again)
        if current is None:
            raise UnknownEpisodeError(episode_id)
        return current
