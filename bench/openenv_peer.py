"""The peer: this project's domain core as an OpenEnv environment, in memory, the way OpenEnv's own server hosts one.

Everything is kept in the process and gone with it. A lean author's version: scenarios, shown results and patch verdicts are
kept, so that a warm step computes nothing twice.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from openenv.core.env_server import Action, Environment, Observation, State, create_app
from pydantic_core import from_json

from domain.actions import QueryArtifact, ReadArtifact, RunSanityCheck
from domain.diagnosis import Diagnosis, PatchEntry, TextEdit
from domain.episode.decide import Command, EpisodeState, ResetEpisode, SubmitGraded, decide
from domain.episode.observation import EvidenceView
from domain.fields.registry import registry_json
from domain.generator import generate
from domain.grade import PatchVerdict
from domain.grader import grade, read_fix, verify_patch
from domain.scenario import Scenario
from domain.tasks.table import TASKS
from domain.types import SANITY_CHECK_NAMES, ArtifactName, FailureCategory, SanityCheckName, TaskId

MAX_SESSIONS = 8_192


class DebugAction(Action):
    """One action, with the parameters of all of them."""

    action_type: Literal[
        "read_config",
        "read_logs",
        "check_dataset_stats",
        "inspect_preprocessing",
        "read_eval_results",
        "query_artifact",
        "run_sanity_check",
        "submit_diagnosis",
    ]
    artifact_name: ArtifactName | None = None
    log_filter: str | None = None
    field_path: str | None = None
    sanity_check_type: SanityCheckName | None = None
    failure_category: FailureCategory | None = None
    root_cause_file: str | None = None
    root_cause_field: str | None = None
    diagnosis: str | None = None
    proposed_fix: str | None = None
    patch: tuple[PatchEntry, ...] | None = None
    edits: tuple[TextEdit, ...] | str | None = None
    confidence: float | None = None


class DebugObservation(Observation):
    """The observation of a step."""

    task_id: TaskId
    last_action_result: dict[str, Any]
    artifacts_read: tuple[ArtifactName, ...]
    checks_run: tuple[SanityCheckName, ...]
    step_count: int
    max_steps: int
    messages: tuple[str, ...] = ()


class FirstObservation(DebugObservation):
    """The observation of a reset."""

    task_description: str
    run_id: str
    run_summary: dict[str, Any]
    available_artifacts: list[dict[str, Any]]
    sanity_checks: tuple[SanityCheckName, ...]
    field_registry: list[dict[str, Any]]


_READS: dict[str, ArtifactName] = {
    "read_config": "config.yaml",
    "read_logs": "train.log",
    "check_dataset_stats": "dataset_stats.json",
    "inspect_preprocessing": "preprocessing.py",
    "read_eval_results": "eval_results.json",
}


class CachedScenario:
    """A scenario with its cached results."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.view = EvidenceView(scenario.evidence)
        self.front: dict[str, Any] = from_json(b"{" + self.view.front_page() + b"}")
        self.truth = scenario.only_fault.reveal()
        self._shown: dict[bytes, dict[str, Any]] = {}
        self._verdicts: dict[tuple[PatchEntry, ...], PatchVerdict] = {}

    def shown(self, result: bytes) -> dict[str, Any]:
        """A result as a model. The view returns the same bytes object again, so its hash is cached."""
        known = self._shown.get(result)
        if known is None:
            known = self._shown[result] = from_json(result)
        return known

    def verdict(self, patch: tuple[PatchEntry, ...]) -> PatchVerdict | None:
        if patch and patch not in self._verdicts:
            self._verdicts[patch] = verify_patch(self.scenario.only_fault, patch)
        return self._verdicts.get(patch)


class ScenarioCache:
    """The scenarios of all sessions."""

    def __init__(self, *, keeps: bool) -> None:
        self._keeps = keeps
        self._cache: dict[tuple[TaskId, int], CachedScenario] = {}
        self.registry = registry_json()

    def find(self, task_id: TaskId, seed: int) -> CachedScenario:
        cached = self._cache.get((task_id, seed))
        if cached is None:
            cached = CachedScenario(generate(task_id, seed))
            if self._keeps:
                self._cache[task_id, seed] = cached
        return cached


class DebugEnvironment(Environment):
    """One session's episode. ``reset`` and ``step`` are plain functions, as environments usually have them: the server
    runs them in the session's own thread."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, scenarios: ScenarioCache) -> None:
        super().__init__()
        self._scenarios = scenarios
        self._scenario: CachedScenario | None = None
        self._episode: EpisodeState | None = None
        self._episode_id = ""

    def reset(
        self, seed: int | None = None, episode_id: str | None = None, task_id: TaskId = "easy", **_: Any
    ) -> FirstObservation:
        self._scenario = cached = self._scenarios.find(task_id, seed or 0)
        self._episode_id = episode_id or f"episode-{id(self):x}"
        command = ResetEpisode(
            task_id=task_id,
            seed=seed or 0,
            seed_given=seed is not None,
            scenario_digest=cached.scenario.digest,
            generator_version=cached.scenario.generator_version,
        )
        self._episode = decide(None, command, cached.view).after
        return FirstObservation(
            **self._common(cached, self._episode),
            **cached.front,
            task_description=TASKS[task_id].description,
            sanity_checks=SANITY_CHECK_NAMES,
            field_registry=self._scenarios.registry,
        )

    def step(self, action: DebugAction, timeout_s: float | None = None, **_: Any) -> DebugObservation:
        cached, state = self._scenario, self._episode
        if cached is None or state is None:
            raise RuntimeError("reset first")
        if state.ended is None:
            state = self._episode = decide(state, self._command(action, cached, state), cached.view).after
        return DebugObservation(**self._common(cached, state))

    @property
    def state(self) -> State:
        return State(episode_id=self._episode_id, step_count=self._episode.step_count if self._episode else 0)

    def _command(self, action: DebugAction, cached: CachedScenario, state: EpisodeState) -> Command:
        match action.action_type:
            case "run_sanity_check" if action.sanity_check_type is not None:
                return RunSanityCheck(action.sanity_check_type)
            case "query_artifact" if action.artifact_name is not None:
                return QueryArtifact(action.artifact_name, action.field_path or "")
            case "submit_diagnosis":
                diagnosis = Diagnosis(**{name: getattr(action, name) for name in Diagnosis.model_fields})
                truth = cached.scenario.only_fault
                verdict = cached.verdict(read_fix(diagnosis, truth).patch)
                graded = grade(diagnosis, truth, state.investigation(), verdict, task_id=state.reset.task_id)
                return SubmitGraded((diagnosis,), graded)
            case kind if kind in _READS:
                return ReadArtifact(_READS[kind], action.log_filter)
            case _:
                raise ValueError("a parameter is missing")

    def _common(self, cached: CachedScenario, state: EpisodeState) -> dict[str, Any]:
        ended = state.ended is not None
        info: dict[str, Any] = {
            "episode_id": self._episode_id,
            "version": state.version,
            "task_id": state.reset.task_id,
            "step_count": state.step_count,
            "max_steps": state.reset.max_steps,
            "truncated": state.is_truncated,
        }
        if ended:
            breakdown = state.breakdown.model_dump(mode="json") if state.breakdown is not None else None
            investigation = state.investigation().model_dump(mode="json")
            info |= {
                "score": state.score,
                "brier": state.brier,
                "seed": state.reset.seed,
                "breakdown": breakdown,
                "ground_truth": cached.truth,
                "investigation": investigation,
            }
        return {
            "reward": state.last_reward,
            "done": ended,
            "metadata": info,
            "task_id": state.reset.task_id,
            "last_action_result": cached.shown(cached.view.result_of(state.last)),
            "artifacts_read": state.artifacts_read,
            "checks_run": state.checks_run,
            "step_count": state.step_count,
            "max_steps": state.reset.max_steps,
        }


class AsyncDebugEnvironment(DebugEnvironment):
    """The same, run by OpenEnv on its event loop instead of in threads."""

    async def reset_async(
        self, seed: int | None = None, episode_id: str | None = None, task_id: TaskId = "easy", **_: Any
    ) -> FirstObservation:
        return self.reset(seed, episode_id, task_id)

    async def step_async(self, action: DebugAction, timeout_s: float | None = None, **_: Any) -> DebugObservation:
        return self.step(action)


def create_peer(*, keeps_scenarios: bool, is_async: bool) -> Any:
    """OpenEnv's own application, hosting the environment."""
    environment = AsyncDebugEnvironment if is_async else DebugEnvironment
    return create_app(
        partial(environment, ScenarioCache(keeps=keeps_scenarios)),
        DebugAction,
        DebugObservation,
        env_name="mlops_debug",
        max_concurrent_envs=MAX_SESSIONS,
        reset_observation_cls=FirstObservation,
    )
