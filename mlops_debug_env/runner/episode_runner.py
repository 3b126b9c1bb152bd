"""Plays or resumes one episode of a run, from its reset to its result.

Rules: 1. An action is written before it is sent, its result after. 2. Every step has a request id that follows
from its number, so a repeated step gets the recorded response. 3. On resume recorded actions are sent again and
not decided again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from mlops_debug_env.agents.agent import Agent
from mlops_debug_env.agents.llm.transcript import KeepsTranscript, ModelReply
from mlops_debug_env.agents.llm.usage import NOTHING_USED, ModelUsage
from mlops_debug_env.protocol.actions import Action, SubmitDiagnosis, parse_action
from mlops_debug_env.protocol.errors import MlopsDebugError, ProtocolError
from mlops_debug_env.protocol.grade import Breakdown, ComposedBreakdown
from mlops_debug_env.protocol.observations import ActionResult, Info, Observation, ResetObservation, StepResult
from mlops_debug_env.runner.event_actions import recorded_action
from mlops_debug_env.runner.observers import RunObserver
from mlops_debug_env.runner.records import (
    ActionRecord,
    EpisodeResult,
    PlannedEpisode,
    RankedEntry,
    ResultRecord,
    StartRecord,
)
from mlops_debug_env.runner.run_folder import RunFolder
from mlops_debug_env.runner.sharing import TranscriptNotSharedError, shared_transcript
from mlops_debug_env.transport.async_client import DebugClient


@runtime_checkable
class Restorable(Protocol):
    """An agent into which recorded actions can be replayed, without calling its model again."""

    def restore(
        self, observation: Observation, action: Action, *, said: str, usage: ModelUsage, replies: Sequence[ModelReply]
    ) -> None: ...


@runtime_checkable
class ReportsUsage(Protocol):
    """An agent that reports what its model used, and the model's text with the last action."""

    usage: ModelUsage
    said: str


class FolderTranscript:
    """Writes the requests and replies of one episode's model to the folder of the run."""

    def __init__(self, folder: RunFolder, episode_id: str) -> None:
        self.turn = 1
        """The number of the step that is being decided."""
        self.replies: list[tuple[int, ModelReply]] = []
        """With the number of the step that each was for."""
        self._folder = folder
        self._episode_id = episode_id

    def asked(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None,
        parameters: Mapping[str, Any],
    ) -> None:
        self._folder.write_request(self._episode_id, self.turn, messages, tools, parameters)

    def answered(self, reply: ModelReply) -> None:
        self._folder.write_reply(self._episode_id, self.turn, reply)
        self.replies.append((self.turn, reply))


@dataclass(frozen=True, slots=True)
class _Recorded:
    """A step that was decided before."""

    action: Action
    said: str
    usage: ModelUsage
    request_id: str
    replies: Sequence[ModelReply] = ()
    """Of the model, those that led to the action."""


async def play_episode(
    planned: PlannedEpisode,
    *,
    agent: Agent,
    client: DebugClient,
    folder: RunFolder,
    observer: RunObserver,
    shares_transcript: bool = False,
) -> EpisodeResult:
    """Play the episode; returns its result without writing it.

    Args:
        planned: the episode.
        agent: without state.
        client: on the session with the episode's name.
        folder: for the turns; has those of an interrupted run.
        observer: receives every step.
        shares_transcript: whether the transcript is sent to the server, before the last action.
    """
    observer.on_start(planned)
    outcome = await _reset(planned, client, agent, folder)
    if outcome.done:
        observer.on_found_ended(planned)
    play = _Play(planned, outcome, agent, client, folder, observer, shares_transcript=shares_transcript)
    return await play.play()


async def _reset(planned: PlannedEpisode, client: DebugClient, agent: Agent, folder: RunFolder) -> StepResult:
    entry = planned.entry
    if isinstance(entry, RankedEntry):
        # It is the key that names the agent, and the attempt that names the episode.
        return await client.reset(round=entry.round, entry=entry.number, attempt=entry.attempt)
    return await client.reset(
        task_id=entry.task_id,
        seed=entry.seed,
        episode_id=planned.episode_id,
        agent=agent.name,
        reward_mode=folder.header.reward_mode,
        resume=True,
    )


class _Play:
    """One episode from the answer to its reset."""

    def __init__(
        self,
        planned: PlannedEpisode,
        reset_result: StepResult,
        agent: Agent,
        client: DebugClient,
        folder: RunFolder,
        observer: RunObserver,
        *,
        shares_transcript: bool,
    ) -> None:
        self._shares_transcript = shares_transcript
        self._said: dict[int, str] = {}
        self._planned = planned
        self._reset_result = reset_result
        self._agent = agent
        self._client = client
        self._folder = folder
        self._observer = observer
        is_ranked = isinstance(planned.entry, RankedEntry)
        self._episode_id = reset_result.info.episode_id if is_ranked else planned.episode_id
        self._transcript = FolderTranscript(folder, self._episode_id)
        if isinstance(agent, KeepsTranscript):
            agent.transcript = self._transcript

    async def play(self) -> EpisodeResult:
        first = _first_observation(self._reset_result)
        _write_start(self._episode_id, first, self._folder)
        observation: Observation = first
        rewards = 0.0
        recorded, undecided = await self._recorded()
        if recorded is None:
            recorded, observation = deque(), _without_the_steps_before(first, self._reset_result.observation)
            rewards = (await self._client.state()).total_reward
        action: Action | None = None
        outcome = self._reset_result
        while not outcome.done or recorded:
            step = observation.step_count + 1
            if recorded:
                done = recorded.popleft()
                action, request_id = done.action, done.request_id
                self._said[step] = done.said
                await self._restore(observation, done)
            else:
                self._charge(undecided)
                undecided = NOTHING_USED
                action, request_id = await self._decide(step, observation), f"s{step}"
            if self._shares_transcript and not outcome.done and self._is_last(step, action):
                await self._share()
            outcome = await self._client.step(action, request_id=request_id)
            _write_result(self._episode_id, step, outcome, self._folder)
            self._observer.on_step(self._planned, step, action, outcome)
            rewards += outcome.reward or 0.0
            observation = outcome.observation
        return _result(self._planned, self._episode_id, self._folder, outcome.info, rewards, action, self._agent)

    def _is_last(self, step: int, action: Action) -> bool:
        """Whether the episode ends with this action."""
        return isinstance(action, SubmitDiagnosis) or step >= self._reset_result.info.max_steps

    async def _share(self) -> None:
        """Send the transcript; the server accepts it while the episode runs."""
        header = self._folder.header
        name = header.model or header.shown_agent
        transcript = shared_transcript(name, self._transcript.replies, self._said, self._folder.redactor)
        try:
            await self._client.share_transcript(transcript)
        except MlopsDebugError as error:
            raise TranscriptNotSharedError(
                f"the transcript was not shared: {error}; to play on without, resume without --share-transcript"
            ) from error

    async def _recorded(self) -> tuple[deque[_Recorded] | None, ModelUsage]:
        """The recorded steps in order; the last may not have been sent. Completed from the server's events if some are missing. None:
        another client took steps that cannot be repeated."""
        written = self._folder.recorded_turns(self._episode_id)
        steps = deque(map(_to_recorded, written.actions, written.replies))
        if len(steps) >= self._reset_result.observation.step_count:
            return steps, written.undecided
        # The file has fewer actions than the server.
        events = await self._client.events(self._episode_id)
        missing = [(action, each) for each in events if (action := recorded_action(each)) is not None][len(steps) :]
        if any(event.get("request_id") is None for _, event in missing):
            return None, written.undecided
        usage = written.actions[-1].usage if written.actions else None
        for turn, (action, event) in enumerate(missing, len(steps) + 1):
            acted = ActionRecord(
                episode_id=self._episode_id,
                turn=turn,
                action=action.to_wire(),
                usage=usage,
                request_id=event["request_id"],
            )
            self._folder.write_turn(acted)
            steps.append(_to_recorded(acted))
        return steps, written.undecided

    async def _restore(self, observation: Observation, done: _Recorded) -> None:
        if isinstance(self._agent, Restorable):
            self._agent.restore(observation, done.action, said=done.said, usage=done.usage, replies=done.replies)
        elif not self._reset_result.done:
            await self._agent.act(observation)  # updates its state; its answer is not used

    def _charge(self, undecided: ModelUsage) -> None:
        """Add what the model used for an action that was never written."""
        if undecided != NOTHING_USED and isinstance(self._agent, ReportsUsage):
            self._agent.usage += undecided

    async def _decide(self, step: int, observation: Observation) -> Action:
        self._transcript.turn = step
        action = await self._agent.act(observation)
        if not isinstance(action, BaseModel):
            raise TypeError(f"act() of {self._agent.name} returned {type(action).__name__}, and no action")
        said, usage = (self._agent.said, self._agent.usage) if isinstance(self._agent, ReportsUsage) else ("", None)
        self._said[step] = said
        self._folder.write_turn(
            ActionRecord(episode_id=self._episode_id, turn=step, action=action.to_wire(), said=said, usage=usage)
        )
        return action


def _to_recorded(acted: ActionRecord, replies: Sequence[ModelReply] = ()) -> _Recorded:
    request_id = acted.request_id or f"s{acted.turn}"
    return _Recorded(parse_action(acted.action), acted.said, acted.usage or NOTHING_USED, request_id, replies)


def _without_the_steps_before(first: ResetObservation, present: Observation) -> ResetObservation:
    """A first observation of an episode in which steps were taken whose results are not known."""
    return first.model_copy(
        update={
            "artifacts_read": present.artifacts_read,
            "checks_run": present.checks_run,
            "step_count": present.step_count,
            "metadata": present.metadata,
        }
    )


def _first_observation(reset_result: StepResult) -> ResetObservation:
    """The first observation of the episode, derived from the present one if it is resumed."""
    observation = reset_result.observation
    if not isinstance(observation, ResetObservation):
        raise ProtocolError("the server answered a reset without what belongs to a reset")
    return observation.model_copy(
        update={
            "last_action_result": ActionResult(status="reset"),
            "artifacts_read": (),
            "checks_run": (),
            "step_count": 0,
            "messages": (),
            "reward": None,
            "done": False,
            "metadata": _info_at_start(observation.metadata),
        }
    )


def _info_at_start(info: Info) -> Info:
    """The info without what is revealed at the end of the episode."""
    return Info(
        episode_id=info.episode_id,
        version=1,
        task_id=info.task_id,
        step_count=0,
        max_steps=info.max_steps,
        truncated=False,
    )


def _write_start(episode_id: str, first: Observation, folder: RunFolder) -> None:
    shown = first.model_dump(mode="json", exclude_unset=True)
    if folder.shares_registry(shown["field_registry"]):
        del shown["field_registry"]
    folder.write_turn(StartRecord(episode_id=episode_id, observation=shown))


def _write_result(episode_id: str, step: int, outcome: StepResult, folder: RunFolder) -> None:
    result: dict[str, Any] = outcome.observation.last_action_result.model_dump(mode="json", exclude_unset=True)
    folder.write_turn(
        ResultRecord(episode_id=episode_id, turn=step, result=result, reward=outcome.reward or 0.0, done=outcome.done)
    )


def _result(
    planned: PlannedEpisode,
    episode_id: str,
    folder: RunFolder,
    info: Info,
    rewards: float,
    last: Action | None,
    agent: Agent,
) -> EpisodeResult:
    if info.score is None or info.ground_truth is None or info.investigation is None:
        raise ProtocolError(f"episode {episode_id} is over and the server gives no score or no truth")
    header, parts, looked = folder.header, info.breakdown, info.investigation
    points = _points(info.breakdown, len(info.ground_truth.faults))
    usage = agent.usage if isinstance(agent, ReportsUsage) else None
    used = dict.fromkeys(ModelUsage.model_fields) if usage is None else usage.model_dump()
    return EpisodeResult(
        episode_id=episode_id,
        run_id=header.run_id,
        agent=header.shown_agent,
        model=header.model,
        entry=planned.entry.key,
        task_id=planned.entry.task_id,
        seed=planned.entry.seed,
        trial=planned.trial,
        score=info.score,
        total_reward=round(rewards, 6),
        steps=info.step_count,
        truncated=info.truncated,
        fault_id=info.ground_truth.fault_id,
        is_right=parts is not None and parts.is_borne_out,
        confidence=last.stated_confidence if isinstance(last, SubmitDiagnosis) and not info.truncated else None,
        brier=info.brier,
        category_points=points[0],
        file_points=points[1],
        field_points=points[2],
        fix_points=points[3],
        penalty_points=0.0 if parts is None else sum(each.amount for each in parts.penalties),
        artifacts_read=len(looked.artifacts_read),
        checks_run=len(looked.checks_run),
        duplicate_reads=looked.duplicate_reads,
        refused=looked.refused,
        **used,
    )


def _points(breakdown: Breakdown | ComposedBreakdown | None, faults: int) -> list[float]:
    """Of category, file, field and fix; on the expert task the mean over what was planted."""
    entries = breakdown.entries if breakdown is not None else ()
    parts = ("failure_category", "root_cause_file", "root_cause_field", "proposed_fix")
    return [round(sum(getattr(one, name).awarded for one in entries) / max(1, faults), 4) for name in parts]
