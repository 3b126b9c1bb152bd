"""Plays or resumes one episode of a run, from its reset to its result.

Rules: 1. An action is written before it is sent, its result after. 2. Every step has a request id that follows
from its number, so a repeated step gets the recorded response. 3. On resume recorded actions are sent again and
not decided again.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from mlops_debug_env.agents.agent import Agent
from mlops_debug_env.agents.llm.agent import Request
from mlops_debug_env.agents.llm.usage import ModelUsage
from mlops_debug_env.protocol.actions import Action, SubmitDiagnosis, parse_action
from mlops_debug_env.protocol.errors import ProtocolError
from mlops_debug_env.protocol.grade import Breakdown, ComposedBreakdown
from mlops_debug_env.protocol.observations import ActionResult, Info, Observation, ResetObservation, StepResult
from mlops_debug_env.runner.event_actions import recorded_action
from mlops_debug_env.runner.observers import RunObserver
from mlops_debug_env.runner.records import ActionRecord, EpisodeResult, PlannedEpisode, ResultRecord, StartRecord
from mlops_debug_env.runner.run_folder import RunFolder
from mlops_debug_env.transport.async_client import DebugClient


@runtime_checkable
class Restorable(Protocol):
    """An agent into which recorded actions can be replayed, without calling its model again."""

    def restore(self, observation: Observation, action: Action, *, said: str, usage: ModelUsage) -> None: ...


@runtime_checkable
class ReportsUsage(Protocol):
    """An agent that reports what its model used, and the model's text with the last action."""

    usage: ModelUsage
    said: str


@runtime_checkable
class ReportsRequest(Protocol):
    """An agent that reports the request its model was sent for the latest action."""

    @property
    def sent(self) -> Request | None: ...


async def play_episode(
    planned: PlannedEpisode, *, agent: Agent, client: DebugClient, folder: RunFolder, observer: RunObserver
) -> EpisodeResult:
    """Play the episode; returns its result without writing it.

    Args:
        planned: the episode.
        agent: without state.
        client: on the session with the episode's name.
        folder: for the turns; has those of an interrupted run.
        observer: receives every step.
    """
    observer.on_start(planned)
    reset_result = await client.reset(
        task_id=planned.entry.task_id,
        seed=planned.entry.seed,
        episode_id=planned.episode_id,
        agent=agent.name,
        reward_mode=folder.header.reward_mode,
        resume=True,
    )
    recorded = await _recorded_actions(planned, reset_result, client, folder)
    observation: Observation = _first_observation(reset_result)
    _write_start(planned, observation, folder)
    rewards = 0.0
    action: Action | None = None
    outcome = reset_result
    while not outcome.done or len(recorded) > 0:
        step = observation.step_count + 1
        action = await _next_action(planned, step, observation, agent, recorded, folder)
        outcome = await client.step(action, request_id=f"s{step}")
        _write_result(planned, step, outcome, folder)
        observer.on_step(planned, step, action, outcome)
        rewards += outcome.reward or 0.0
        observation = outcome.observation
    return _result(planned, folder, outcome.info, rewards, action, agent)


async def _recorded_actions(
    planned: PlannedEpisode, reset_result: StepResult, client: DebugClient, folder: RunFolder
) -> list[ActionRecord]:
    """The recorded actions in order; the last may not have been sent. Completed from the server's events if some are missing."""
    written = folder.recorded_actions(planned.episode_id)
    if len(written) >= reset_result.observation.step_count:
        return written
    # The file has fewer actions than the server.
    events = await client.events(planned.episode_id)
    actions = [action for each in events if (action := recorded_action(each)) is not None]
    for turn, action in enumerate(actions[len(written) :], len(written) + 1):
        usage = written[-1].usage if written else None
        acted = ActionRecord(episode_id=planned.episode_id, turn=turn, action=action.to_wire(), usage=usage)
        folder.write_turn(acted)
        written.append(acted)
    return written


async def _next_action(
    planned: PlannedEpisode,
    step: int,
    observation: Observation,
    agent: Agent,
    recorded: list[ActionRecord],
    folder: RunFolder,
) -> Action:
    if recorded:
        done = recorded.pop(0)
        action = parse_action(done.action)
        if isinstance(agent, Restorable):
            agent.restore(observation, action, said=done.said, usage=done.usage or ModelUsage())
        else:
            await agent.act(observation)  # updates its state; its answer is not used
        return action
    action = await agent.act(observation)
    if isinstance(agent, ReportsRequest) and agent.sent is not None:
        folder.write_request(planned.episode_id, step, agent.sent.messages, agent.sent.tools)
    said, usage = (agent.said, agent.usage) if isinstance(agent, ReportsUsage) else ("", None)
    folder.write_turn(
        ActionRecord(episode_id=planned.episode_id, turn=step, action=action.to_wire(), said=said, usage=usage)
    )
    return action


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


def _write_start(planned: PlannedEpisode, first: Observation, folder: RunFolder) -> None:
    shown = first.model_dump(mode="json", exclude_unset=True)
    if folder.shares_registry(shown["field_registry"]):
        del shown["field_registry"]
    folder.write_turn(StartRecord(episode_id=planned.episode_id, observation=shown))


def _write_result(planned: PlannedEpisode, step: int, outcome: StepResult, folder: RunFolder) -> None:
    result: dict[str, Any] = outcome.observation.last_action_result.model_dump(mode="json", exclude_unset=True)
    folder.write_turn(
        ResultRecord(
            episode_id=planned.episode_id, turn=step, result=result, reward=outcome.reward or 0.0, done=outcome.done
        )
    )


def _result(
    planned: PlannedEpisode, folder: RunFolder, info: Info, rewards: float, last: Action | None, agent: Agent
) -> EpisodeResult:
    if info.score is None or info.ground_truth is None or info.investigation is None:
        raise ProtocolError(f"episode {planned.episode_id} is over and the server gives no score or no truth")
    header, parts, looked = folder.header, info.breakdown, info.investigation
    points = _points(info.breakdown, len(info.ground_truth.faults))
    usage = agent.usage if isinstance(agent, ReportsUsage) else None
    used = dict.fromkeys(ModelUsage.model_fields) if usage is None else usage.model_dump()
    return EpisodeResult(
        episode_id=planned.episode_id,
        run_id=header.run_id,
        agent=header.agent,
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
