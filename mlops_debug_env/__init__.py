"""The client of the evaluation server: plays and evaluates over HTTP and WebSocket, and cannot reach the ground truth.

Import public names from here: ``from mlops_debug_env import SyncDebugClient, ReadLogs``. Each is imported on first use
(PEP 562), so that the command line starts without what it does not need.

``protocol``   actions, observations, grades and errors of the wire
``transport``  `DebugClient`, `SyncDebugClient`: sessions, retries, HTTP
``suites``     named lists of scenarios
``agents``     the agents that are shipped
``runner``     evaluation runs, their folders and summaries
``exports``    a run as JSON lines or Parquet for other programs
``harnesses``  the environment as other harnesses take it
``commands``   the client's commands
``client``     OpenEnv's own client, typed; needs the extra ``openenv``
``trl``        the environment for TRL
"""

# ruff: noqa: I001 - sorted, it would be one statement for each name
from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Mapping

from mlops_debug_env.version import VERSION

if TYPE_CHECKING:  # for type checkers and editors; a test compares it with _EXPORTS
    from mlops_debug_env.agents.agent import Agent as Agent
    from mlops_debug_env.agents.llm.transcript import ModelReply as ModelReply, ModelTranscript as ModelTranscript
    from mlops_debug_env.agents.llm.usage import ModelUsage as ModelUsage
    from mlops_debug_env.agents.loader import AgentLoadError as AgentLoadError
    from mlops_debug_env.agents.registry import (
        AGENT_NAMES as AGENT_NAMES,
        UnknownAgentError as UnknownAgentError,
        create_agent as create_agent,
    )
    from mlops_debug_env.protocol.actions import (
        Action as Action,
        ActionMetadata as ActionMetadata,
        CheckDatasetStats as CheckDatasetStats,
        Diagnosis as Diagnosis,
        InspectPreprocessing as InspectPreprocessing,
        PatchEntry as PatchEntry,
        QueryArtifact as QueryArtifact,
        ReadArtifact as ReadArtifact,
        ReadConfig as ReadConfig,
        ReadEvalResults as ReadEvalResults,
        ReadLogs as ReadLogs,
        Reported as Reported,
        RunExperiment as RunExperiment,
        RunSanityCheck as RunSanityCheck,
        SubmitDiagnosis as SubmitDiagnosis,
        TextEdit as TextEdit,
        action_schema as action_schema,
        parse_action as parse_action,
        submission as submission,
    )
    from mlops_debug_env.protocol.errors import (
        AnswerTimeoutError as AnswerTimeoutError,
        CapacityError as CapacityError,
        ClientUnusableError as ClientUnusableError,
        ConflictError as ConflictError,
        ConnectionFailedError as ConnectionFailedError,
        EpisodeNotStartedError as EpisodeNotStartedError,
        InvalidAddressError as InvalidAddressError,
        InvalidRequestError as InvalidRequestError,
        MlopsDebugError as MlopsDebugError,
        NotAllowedError as NotAllowedError,
        NotFoundError as NotFoundError,
        ProblemError as ProblemError,
        ProtocolError as ProtocolError,
        ServerFailedError as ServerFailedError,
        ServerUnreachableError as ServerUnreachableError,
        SessionTakenOverError as SessionTakenOverError,
    )
    from mlops_debug_env.protocol.grade import (
        Accepted as Accepted,
        Breakdown as Breakdown,
        ComposedBreakdown as ComposedBreakdown,
        FixPart as FixPart,
        GradedEntry as GradedEntry,
        GroundTruth as GroundTruth,
        GroundTruths as GroundTruths,
        Part as Part,
        Penalty as Penalty,
    )
    from mlops_debug_env.protocol.observations import (
        ActionResult as ActionResult,
        ArtifactListing as ArtifactListing,
        CheckResult as CheckResult,
        EpisodeState as EpisodeState,
        ExperimentMetrics as ExperimentMetrics,
        ExperimentResult as ExperimentResult,
        Info as Info,
        Investigation as Investigation,
        Observation as Observation,
        Receipt as Receipt,
        RegistryField as RegistryField,
        ResetObservation as ResetObservation,
        RunSummary as RunSummary,
        SourceMetrics as SourceMetrics,
        SplitMetrics as SplitMetrics,
        StepResult as StepResult,
        Task as Task,
        parse_result as parse_result,
    )
    from mlops_debug_env.protocol.types import (
        ARTIFACT_NAMES as ARTIFACT_NAMES,
        FAILURE_CATEGORIES as FAILURE_CATEGORIES,
        SANITY_CHECK_NAMES as SANITY_CHECK_NAMES,
        TASK_IDS as TASK_IDS,
        ArtifactName as ArtifactName,
        FailureCategory as FailureCategory,
        FieldType as FieldType,
        RewardMode as RewardMode,
        SanityCheckName as SanityCheckName,
        TaskId as TaskId,
    )
    from mlops_debug_env.suites import (
        Suite as Suite,
        SuiteEntry as SuiteEntry,
        UnknownSuiteError as UnknownSuiteError,
        UnreadableSuiteError as UnreadableSuiteError,
        read_suite as read_suite,
        suite_names as suite_names,
    )
    from mlops_debug_env.transport.async_client import DebugClient as DebugClient
    from mlops_debug_env.transport.sync_client import SyncDebugClient as SyncDebugClient

__version__ = VERSION

_EXPORTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "agents.agent": ("Agent",),
        "agents.llm.transcript": ("ModelReply", "ModelTranscript"),
        "agents.llm.usage": ("ModelUsage",),
        "agents.loader": ("AgentLoadError",),
        "agents.registry": (
            "AGENT_NAMES",
            "UnknownAgentError",
            "create_agent",
        ),
        "protocol.actions": (
            "Action",
            "ActionMetadata",
            "CheckDatasetStats",
            "Diagnosis",
            "InspectPreprocessing",
            "PatchEntry",
            "QueryArtifact",
            "ReadArtifact",
            "ReadConfig",
            "ReadEvalResults",
            "ReadLogs",
            "Reported",
            "RunExperiment",
            "RunSanityCheck",
            "SubmitDiagnosis",
            "TextEdit",
            "action_schema",
            "parse_action",
            "submission",
        ),
        "protocol.errors": (
            "AnswerTimeoutError",
            "CapacityError",
            "ClientUnusableError",
            "ConflictError",
            "ConnectionFailedError",
            "EpisodeNotStartedError",
            "InvalidAddressError",
            "InvalidRequestError",
            "MlopsDebugError",
            "NotAllowedError",
            "NotFoundError",
            "ProblemError",
            "ProtocolError",
            "ServerFailedError",
            "ServerUnreachableError",
            "SessionTakenOverError",
        ),
        "protocol.grade": (
            "Accepted",
            "Breakdown",
            "ComposedBreakdown",
            "FixPart",
            "GradedEntry",
            "GroundTruth",
            "GroundTruths",
            "Part",
            "Penalty",
        ),
        "protocol.observations": (
            "ActionResult",
            "ArtifactListing",
            "CheckResult",
            "EpisodeState",
            "ExperimentMetrics",
            "ExperimentResult",
            "Info",
            "Investigation",
            "Observation",
            "Receipt",
            "RegistryField",
            "ResetObservation",
            "RunSummary",
            "SourceMetrics",
            "SplitMetrics",
            "StepResult",
            "Task",
            "parse_result",
        ),
        "protocol.types": (
            "ARTIFACT_NAMES",
            "FAILURE_CATEGORIES",
            "SANITY_CHECK_NAMES",
            "TASK_IDS",
            "ArtifactName",
            "FailureCategory",
            "FieldType",
            "RewardMode",
            "SanityCheckName",
            "TaskId",
        ),
        "suites": (
            "Suite",
            "SuiteEntry",
            "UnknownSuiteError",
            "UnreadableSuiteError",
            "read_suite",
            "suite_names",
        ),
        "transport.async_client": ("DebugClient",),
        "transport.sync_client": ("SyncDebugClient",),
    }
)
"""Public names by the module that defines them."""
_MODULE_OF: Mapping[str, str] = MappingProxyType({name: module for module, names in _EXPORTS.items() for name in names})
_OLDER_MODULES = frozenset({"actions", "errors", "grade", "models"})
"""Paths of 0.1.0; the package imported them with itself, so they are also found as its attributes."""

__all__ = ["__version__", *_MODULE_OF]


def __getattr__(name: str) -> Any:
    """Imports a public name on first use, and keeps it."""
    if name in _MODULE_OF:
        globals()[name] = value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
        return value
    if name in _OLDER_MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
