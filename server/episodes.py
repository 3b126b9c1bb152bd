"""Plays episodes: load, fold, decide, append, observe. Knows neither HTTP nor SQL.

Rule 1: all state is in the log; what is kept here can be dropped at any time. Rule 2: steps on one episode run one after
another. Rule 3: an answer is given only after its events are durable.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Callable, Sequence

from domain.actions import Action, SubmitDiagnosis
from domain.chain import EMPTY, Head, Link
from domain.episode import Command, EndEpisode, EpisodeState, ResetEpisode, SubmitGraded, decide, evolve
from domain.events import ExpireReason
from domain.evidence_view import encode_json
from domain.observation import observe, observe_final, observe_reset
from server.answers import Answer, answer, state_json
from server.folding import FoldedEpisode, fold_links, link_events
from server.locks import NamedLocks
from server.read_models import begin_row, go_on_row
from server.requests import ResetRequest
from server.scenarios import HeldScenario, Scenarios
from server.statements import StatementRow
from server.store import EventStore, RequestIdReusedError, WrongExpectedVersionError
from server.world import World

SEED_BITS = 53
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
    ) -> None:
        self._store = store
        self._scenarios = scenarios
        self._world = world
        self._clock = clock
        self._new_id = new_id
        self._limit = limit
        self._registry = encode_json(world.registry())
        self._locks = NamedLocks()
        self._folded: OrderedDict[str, FoldedEpisode] = OrderedDict()

    async def reset(self, request: ResetRequest) -> Answer:
        """Begin an episode, or answer a repeated reset again."""
        episode_id = request.episode_id or self._new_id()
        async with self._locks.holding(episode_id):
            # A made id is new by its 128 random bits: nothing to look up.
            current = await self._load(episode_id) if request.episode_id is not None else None
            if current is None:
                try:
                    current = await self._begin(episode_id, request)
                except WrongExpectedVersionError:
                    current = await self._load(episode_id)
            if current is None or not _is_repeated(request, current.state):
                raise EpisodeTakenError(episode_id)
            held = await self._scenarios.load(current.state.reset.scenario_digest)
            shown = observe_reset(held.view, current.state, self._registry)
            return answer(episode_id, current.state, shown, held.scenario.truth)

    async def step(
        self,
        episode_id: str,
        action: Action,
        *,
        request_id: str | None = None,
        expected_version: int | None = None,
    ) -> Answer:
        """Take a step; after the end, the final observation again."""
        async with self._locks.holding(episode_id):
            current = await self._required(episode_id)
            for _ in range(_ATTEMPTS):
                held = await self._scenarios.load(current.state.reset.scenario_digest)
                if request_id is not None and request_id in current.request_ids:
                    raise RequestIdReusedError(episode_id, request_id)
                if current.state.ended is not None:
                    shown = observe_final(held.view, current.state)
                    return answer(episode_id, current.state, shown, held.scenario.truth)
                if expected_version not in (None, current.state.version):
                    raise WrongExpectedVersionError(episode_id, expected_version or 0, current.state.version)
                try:
                    current = await self._go_on(episode_id, current, held, action, request_id)
                except WrongExpectedVersionError:
                    current = await self._required(episode_id)
                    continue
                shown = observe(held.view, current.state)
                return answer(episode_id, current.state, shown, held.scenario.truth)
            raise WrongExpectedVersionError(episode_id, current.state.version, current.state.version)

    async def close(self, episode_id: str, reason: ExpireReason) -> None:
        """End an episode that its agent left; nothing where it is over."""
        async with self._locks.holding(episode_id):
            for _ in range(_ATTEMPTS):
                current = await self._load(episode_id)
                if current is None or current.state.ended is not None:
                    return
                held = await self._scenarios.load(current.state.reset.scenario_digest)
                try:
                    await self._record(episode_id, current, held, EndEpisode(reason), None)
                    return
                except WrongExpectedVersionError:
                    continue

    async def state(self, episode_id: str) -> bytes:
        """The state object, as JSON."""
        async with self._locks.holding(episode_id):
            current = await self._required(episode_id)
            held = await self._scenarios.load(current.state.reset.scenario_digest)
            return state_json(episode_id, current.state, held.scenario.truth)

    async def is_running(self, episode_id: str) -> bool:
        async with self._locks.holding(episode_id):
            return (await self._required(episode_id)).state.ended is None

    async def events(self, episode_id: str) -> tuple[Link, ...]:
        """The recorded events."""
        links = await self._store.read(episode_id)
        if not links:
            raise UnknownEpisodeError(episode_id)
        return links

    async def _begin(self, episode_id: str, request: ResetRequest) -> FoldedEpisode:
        seed = request.seed if request.seed is not None else self._draw_seed()
        held = await self._scenarios.generate(request.task_id or "easy", seed)
        command = ResetEpisode(
            task_id=held.scenario.task_id,
            seed=seed,
            seed_given=request.seed is not None,
            scenario_digest=held.digest,
            generator_version=held.scenario.generator_version,
            reward_mode=request.reward_mode or "shaped",
            agent=request.agent,
        )
        return await self._record(episode_id, None, held, command, request.request_id)

    async def _go_on(
        self, episode_id: str, current: FoldedEpisode, held: HeldScenario, action: Action, request_id: str | None
    ) -> FoldedEpisode:
        command: Command
        if isinstance(action, SubmitDiagnosis):
            command = await grade_submission(self._world, current.state, action, held)
        else:
            command = action
        return await self._record(episode_id, current, held, command, request_id)

    async def _record(
        self,
        episode_id: str,
        current: FoldedEpisode | None,
        held: HeldScenario,
        command: Command,
        request_id: str | None,
    ) -> FoldedEpisode:
        """Decide, append, and keep the fold that the append made true."""
        state = current.state if current is not None else None
        head = current.head if current is not None else EMPTY
        decided = decide(state, command, held.view)
        linked = link_events(
            episode_id,
            head,
            decided,
            recorded_at=format_time(self._clock()),
            actor=_agent_name(state, command),
            request_id=request_id,
        )
        for event in decided:
            state = evolve(state, event)
        if state is None:
            raise ValueError(f"nothing was decided for {episode_id}")
        try:
            await self._store.append(episode_id, head.version, linked, _rows(current is None, linked, state, held))
        except BaseException:
            # Not known whether it was written, or known that another writer was faster: the log knows.
            self._folded.pop(episode_id, None)
            raise
        held.is_stored = True
        used = current.request_ids if current is not None else frozenset()
        after = FoldedEpisode(
            state, Head(linked[-1].version, linked[-1].hash), used if request_id is None else used | {request_id}
        )
        self._keep(episode_id, after)
        return after

    async def _required(self, episode_id: str) -> FoldedEpisode:
        current = await self._load(episode_id)
        if current is None:
            raise UnknownEpisodeError(episode_id)
        return current

    async def _load(self, episode_id: str) -> FoldedEpisode | None:
        current = self._folded.get(episode_id)
        if current is None:
            links = await self._store.read(episode_id)
            if not links:
                return None
            current = fold_links(links)
        self._keep(episode_id, current)
        return current

    def _keep(self, episode_id: str, current: FoldedEpisode) -> None:
        self._folded[episode_id] = current
        self._folded.move_to_end(episode_id)
        while len(self._folded) > self._limit:
            self._folded.popitem(last=False)

    def _draw_seed(self) -> int:
        # From an id of its own: the episode's id is public and must not tell the seed.
        drawn = hashlib.sha256(self._new_id().encode()).digest()
        return int.from_bytes(drawn[:8], "big") >> (64 - SEED_BITS)


def format_time(moment: datetime) -> str:
    """UTC, ISO 8601 with milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


async def grade_submission(
    world: World, state: EpisodeState, action: SubmitDiagnosis, held: HeldScenario
) -> SubmitGraded:
    """Judge a diagnosis: read its fix, run the training with it where there is one to run, and grade."""
    truth = held.scenario.truth
    patch = world.patch_to_verify(action.diagnosis, truth)
    verdict = await held.verify(world, patch) if patch else None
    grade = world.grade(action.diagnosis, truth, state.investigation(), verdict, task_id=state.reset.task_id)
    return SubmitGraded(action.diagnosis, verdict, grade)


def _rows(is_new: bool, linked: Sequence[Link], state: EpisodeState, held: HeldScenario) -> tuple[StatementRow, ...]:
    if not is_new:
        return (go_on_row(linked[-1], state),)
    begun = begin_row(linked[-1], state)
    return (begun,) if held.is_stored else (held.row(), begun)


def _agent_name(state: EpisodeState | None, command: Command) -> str:
    if isinstance(command, ResetEpisode):
        return command.agent or "agent"
    return (state.reset.agent if state is not None else None) or "agent"


def _is_repeated(request: ResetRequest, state: EpisodeState) -> bool:
    """Whether a reset asks for just what was begun, and nothing happened since."""
    begun = state.reset
    same_seed = begun.seed == request.seed if request.seed is not None else not begun.seed_given
    same = (request.task_id or "easy", request.agent, request.reward_mode or "shaped")
    seed_source = begun.seed_given == (request.seed is not None)
    return state.version == 1 and seed_source and same_seed and same == (begun.task_id, begun.agent, begun.reward_mode)
