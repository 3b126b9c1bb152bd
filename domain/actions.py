"""Actions of an agent: the ten wire actions, the five domain actions that they are decoded to, and what is no action."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model, model_validator
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from domain.diagnosis import TWO_FORMS_OF_THE_FIX, Diagnosis, PatchEntry, Reported, WholeNumber
from domain.types import ArtifactName, SanityCheckName


@dataclass(frozen=True, slots=True)
class ReadArtifact:
    """Show an artifact, or the lines of its log that a filter keeps."""

    artifact: ArtifactName
    log_filter: str | None = None
    """As the agent wrote it; None: the whole text. Never blank."""


@dataclass(frozen=True, slots=True)
class QueryArtifact:
    """Show one field of an artifact."""

    artifact: ArtifactName
    field: str


@dataclass(frozen=True, slots=True)
class RunSanityCheck:
    check: SanityCheckName


@dataclass(frozen=True, slots=True)
class RunExperiment:
    """Train the run again with a patch and another training seed."""

    patch: tuple[PatchEntry, ...]


@dataclass(frozen=True, slots=True)
class SubmitDiagnosis:
    diagnoses: tuple[Diagnosis, ...]
    reported: Reported | None = None
    is_list: bool = False
    """Whether they came as a list, as the task of none, one or two faults takes them."""


@dataclass(frozen=True, slots=True)
class InvalidAction:
    """What was sent as an action and is none, in an episode where that is a step."""

    message: str
    """What is wrong with it."""
    digest: str
    """SHA-256 of what was sent as JSON with sorted keys, hex: the same again is a repeated step."""


Action = ReadArtifact | QueryArtifact | RunSanityCheck | RunExperiment | SubmitDiagnosis | InvalidAction

RequestId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]
ExpectedVersion = WholeNumber
# Bounded so that one step cannot fill the log; the longest honest filter or path is far shorter.
ShortText = Annotated[str, Field(min_length=1, max_length=300)]
LogFilter = Annotated[str, Field(max_length=300)]

# A parameter of another action: only null is accepted, and the published schema does not mention it.
_Foreign = Annotated[None, SkipJsonSchema()]

_OF_SUBMIT = tuple(Diagnosis.model_fields)
_PARAMETERS = ("artifact_name", "log_filter", "field_path", "sanity_check_type", *_OF_SUBMIT, "diagnoses")


class ActionMetadata(BaseModel):
    """Free keys beside an action; three of them mean something to the server."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    request_id: RequestId | None = None
    """Makes the step idempotent; null: not named."""
    expected_version: ExpectedVersion | None = None
    """Version the agent believes is current; null: whatever is current."""
    reported: Reported | None = None
    """Beside a diagnosis: what the investigation cost; null: not said."""


NO_METADATA = ActionMetadata()


class _WireAction(BaseModel):
    # Only the union of all actions validates: none of them needs a validator of its own, which takes time at each start.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, defer_build=True)

    metadata: ActionMetadata = NO_METADATA

    def meaning(self) -> Action:
        """The domain action that this wire action stands for."""
        raise NotImplementedError


class ReadConfig(_WireAction):
    """Read config.yaml."""

    action_type: Literal["read_config"]

    def meaning(self) -> Action:
        return ReadArtifact("config.yaml")


class CheckDatasetStats(_WireAction):
    """Read dataset_stats.json."""

    action_type: Literal["check_dataset_stats"]

    def meaning(self) -> Action:
        return ReadArtifact("dataset_stats.json")


class InspectPreprocessing(_WireAction):
    """Read preprocessing.py."""

    action_type: Literal["inspect_preprocessing"]

    def meaning(self) -> Action:
        return ReadArtifact("preprocessing.py")


class ReadEvalResults(_WireAction):
    """Read eval_results.json."""

    action_type: Literal["read_eval_results"]

    def meaning(self) -> Action:
        return ReadArtifact("eval_results.json")


class ReadLogs(_WireAction):
    """Read train.log, whole or filtered."""

    action_type: Literal["read_logs"]
    log_filter: LogFilter | None = None
    """A keyword in any case, or ``epoch:3``, or ``epoch:2-5``; null or blank: the whole log."""

    def meaning(self) -> Action:
        return ReadArtifact("train.log", _filter_or_none(self.log_filter))


_FILTER_OF_ANOTHER_ARTIFACT: JsonDict = {
    "properties": {
        "artifact_name": {"not": {"const": "train.log"}},
        "log_filter": {"type": "string", "pattern": r"\S"},
    },
    "required": ["artifact_name", "log_filter"],
}


class ReadAnyArtifact(_WireAction):
    """Read any artifact that the scenario has; a filter only with train.log."""

    model_config = ConfigDict(json_schema_extra={"not": _FILTER_OF_ANOTHER_ARTIFACT})

    action_type: Literal["read_artifact"]
    artifact_name: ArtifactName
    log_filter: LogFilter | None = None

    @model_validator(mode="after")
    def _filter_is_for_the_log(self) -> ReadAnyArtifact:
        if self.artifact_name != "train.log" and _filter_or_none(self.log_filter) is not None:
            raise ValueError("log_filter applies to train.log only")
        return self

    def meaning(self) -> Action:
        return ReadArtifact(self.artifact_name, _filter_or_none(self.log_filter))


class QueryAnyArtifact(_WireAction):
    """Read one field of an artifact, or the matching lines of code and log."""

    action_type: Literal["query_artifact"]
    artifact_name: ArtifactName
    field_path: ShortText
    """Keys and list indices joined by dots, for example ``optimizer.momentum``; for code, diff and log a keyword; for
    data_slices.json the name of a block."""

    def meaning(self) -> Action:
        return QueryArtifact(self.artifact_name, self.field_path)


class RunCheck(_WireAction):
    """Run one of the eight sanity checks."""

    action_type: Literal["run_sanity_check"]
    sanity_check_type: SanityCheckName

    def meaning(self) -> Action:
        return RunSanityCheck(self.sanity_check_type)


class Experiment(_WireAction):
    """Train the run again with a patch and another training seed; on few occasions, see max_experiments."""

    action_type: Literal["run_experiment"]
    patch: Annotated[tuple[PatchEntry, ...], Field(max_length=2)] | None = None
    """The fields to set, at most two; null or empty is allowed, too: only the training seed differs, which shows the noise
    and is what an experiment with a patch compares with."""

    def meaning(self) -> Action:
        return RunExperiment(self.patch or ())


_LIST_BESIDE_ONE: JsonDict = {
    "required": ["diagnoses"],
    "properties": {"diagnoses": {"type": "array"}},
    "anyOf": [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in _OF_SUBMIT],
}


class Submit(Diagnosis, _WireAction):
    """Submit the diagnosis, or on the expert task the list of them; takes a step, as every action does, and ends the episode."""

    model_config = ConfigDict(json_schema_extra={"not": {"anyOf": [_LIST_BESIDE_ONE, TWO_FORMS_OF_THE_FIX]}})

    action_type: Literal["submit_diagnosis"]
    diagnoses: Annotated[tuple[Diagnosis, ...], Field(max_length=2)] | None = None
    """On the expert task, and only there: one entry for each thing that is wrong, none for a healthy run."""

    @model_validator(mode="after")
    def _is_a_list_or_one(self) -> Submit:
        if self.diagnoses is not None and any(getattr(self, name) is not None for name in _OF_SUBMIT):
            raise ValueError("give diagnoses, or the parts of one diagnosis, not both")
        return self

    def meaning(self) -> Action:
        if self.diagnoses is not None:
            return SubmitDiagnosis(self.diagnoses, self.metadata.reported, is_list=True)
        diagnosis = Diagnosis.model_construct(**{name: getattr(self, name) for name in _OF_SUBMIT})
        return SubmitDiagnosis((diagnosis,), self.metadata.reported)


_WIRE_ACTIONS = (
    ReadConfig,
    CheckDatasetStats,
    InspectPreprocessing,
    ReadEvalResults,
    ReadLogs,
    ReadAnyArtifact,
    QueryAnyArtifact,
    RunCheck,
    Experiment,
    Submit,
)


def _filter_or_none(text: str | None) -> str | None:
    """The filter, or None where it is missing or blank."""
    return text if text is not None and text.strip() else None


class _Described(_WireAction):
    """Base of classes that add no documented field: pydantic would look for their source in every frame of the call."""

    model_config = ConfigDict(use_attribute_docstrings=False)


def _with_foreign_nulls(action: type[_WireAction]) -> type[_WireAction]:
    """The same action, accepting the parameters of other actions where they are null.

    Typed OpenEnv clients send every parameter of every action. Done with fields, not with a validator that runs
    before, so that an action is validated straight from the text.
    """
    foreign: dict[str, Any] = {name: (_Foreign, None) for name in _PARAMETERS if name not in action.model_fields}
    return create_model(_published_name(action), __base__=(action, _Described), __doc__=action.__doc__, **foreign)


def _published_name(action: type[_WireAction]) -> str:
    """The name that clients know, from the tag; some domain actions have that name here."""
    (tag,) = get_args(action.model_fields["action_type"].annotation)
    return "".join(word.capitalize() for word in str(tag).split("_"))


if TYPE_CHECKING:
    WireAction = _WireAction
else:
    WireAction = Annotated[reduce(or_, map(_with_foreign_nulls, _WIRE_ACTIONS)), Field(discriminator="action_type")]

_WIRE_ACTION: TypeAdapter[WireAction] = TypeAdapter(WireAction)


def decode_action(text: str | bytes) -> WireAction:
    """Validate one action straight from JSON; raises pydantic's ValidationError."""
    return _WIRE_ACTION.validate_json(text)


def action_schema() -> dict[str, Any]:
    """The published JSON Schema of an action."""
    return _WIRE_ACTION.json_schema()
