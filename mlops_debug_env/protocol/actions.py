"""What an agent may do: the ten actions of the wire, typed, with the diagnosis that ends an episode."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Mapping, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, TypeAdapter, model_validator
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, to_json

from mlops_debug_env.protocol.scalars import plain_scalar, to_encodable
from mlops_debug_env.protocol.types import COMPOSED_TASK, ArtifactName, FailureCategory, SanityCheckName, TaskId

PatchValue = bool | Annotated[int, Field(ge=-(2**53), le=2**53)] | float | Annotated[str, Field(max_length=300)] | None
RequestId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]
ExpectedVersion = Annotated[int, Field(ge=0, le=2**53 - 1)]
LogFilter = Annotated[str, Field(max_length=300)]


class PatchEntry(BaseModel):
    """One proposed change of one field of one artifact."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    file: Annotated[str, Field(max_length=300)]
    """Artifact the field lives in, for example ``config.yaml``."""
    field: Annotated[str, Field(max_length=300)]
    """Registry name of the field, for example ``optimizer.momentum``."""
    value: Annotated[PatchValue, BeforeValidator(plain_scalar)]
    """The value to set; null where the field may be null. An integer beyond 2^53 is read as a float."""


class TextEdit(BaseModel):
    """One change of the text of one file, as coding agents write it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    file: Annotated[str, Field(max_length=300)]
    """File to edit, for example ``config.yaml``."""
    find: Annotated[str, Field(min_length=1, max_length=4000)]
    """Text of the file as it is shown, which occurs in it once."""
    replace: Annotated[str, Field(max_length=4000)]
    """What stands there instead."""


Edits = (
    Annotated[tuple[TextEdit, ...], Field(min_length=1, max_length=2)]
    | Annotated[str, Field(min_length=1, max_length=8000)]
)
"""One or two edits, or a unified diff."""


TWO_FORMS_OF_THE_FIX: JsonDict = {
    "required": ["patch", "edits"],
    "properties": {name: {"not": {"type": "null"}} for name in ("patch", "edits")},
}
"""JSON Schema of what a diagnosis must not be."""


class Diagnosis(BaseModel):
    """The agent's final claim. A part that is null earns nothing."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        json_schema_extra={"not": TWO_FORMS_OF_THE_FIX},
    )

    failure_category: FailureCategory | None = None
    """By where the mistake was made. config_error: a setting in config.yaml or train.py that steers the run. data_leakage: rows
    or values of the evaluation, or known only later, reach what is trained, fitted or selected. preprocessing_bug: data are
    declared, read, split or turned into features wrongly. label_mismatch: labels, class codes or the order of classes do not
    belong to their rows or outputs. evaluation_bug: the evaluation's rows, checkpoint, mode, preparation or report.
    architecture_bug: the network or its loss. Where two are true, both count."""
    root_cause_file: Annotated[str, Field(max_length=300)] | None = None
    root_cause_field: Annotated[str, Field(max_length=300)] | None = None
    diagnosis: Annotated[str, Field(max_length=4000)] | None = None
    """What happened, in the agent's own words."""
    proposed_fix: Annotated[str, Field(max_length=600)] | None = None
    patch: Annotated[tuple[PatchEntry, ...], Field(min_length=1, max_length=2)] | None = None
    """The fix as it can be applied; it is judged by running the training again."""
    edits: Edits | None = None
    """Instead of a patch: the fix as one or two edits of the files as they are shown, or as one unified diff."""
    confidence: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """Probability in [0, 1] that category, file and field are all right; null: not stated."""

    @model_validator(mode="after")
    def _has_one_form_of_the_fix(self) -> Self:
        if self.patch is not None and self.edits is not None:
            raise ValueError("give patch or edits, not both")
        return self


class Reported(BaseModel):
    """What a client says its investigation cost. Recorded as said: the server cannot know."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    tokens: Annotated[int, Field(ge=0, le=2**53 - 1)] | None = None
    """All tokens of the episode, read and written; null: not said."""
    cost_usd: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] | None = None
    """Null: not said."""


class ActionMetadata(BaseModel):
    """Free keys beside an action; three of them mean something to the server."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    request_id: RequestId | None = None
    """Makes the step idempotent; null: the client makes one."""
    expected_version: ExpectedVersion | None = None
    """Version the agent believes is current; null: whatever is current."""
    reported: Reported | None = None
    """Beside a diagnosis: what the investigation cost; null: not said."""


NO_METADATA = ActionMetadata()


class _Action(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    metadata: ActionMetadata = NO_METADATA

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Make the tag required in the schema; its default in Python is not part of the wire."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema)
        tag = properties.get("properties", {}).get("action_type")
        if tag is not None:
            tag.pop("default", None)
            properties["required"] = ["action_type", *properties.get("required", [])]
        return schema

    def to_wire(self) -> dict[str, Any]:
        """The action as it is sent."""
        return self.model_dump(mode="json", exclude_defaults=True) | {"action_type": self.model_dump()["action_type"]}


class ReadConfig(_Action):
    """Read config.yaml."""

    action_type: Literal["read_config"] = "read_config"


class CheckDatasetStats(_Action):
    """Read dataset_stats.json."""

    action_type: Literal["check_dataset_stats"] = "check_dataset_stats"


class InspectPreprocessing(_Action):
    """Read preprocessing.py."""

    action_type: Literal["inspect_preprocessing"] = "inspect_preprocessing"


class ReadEvalResults(_Action):
    """Read eval_results.json."""

    action_type: Literal["read_eval_results"] = "read_eval_results"


class ReadLogs(_Action):
    """Read train.log, whole or filtered."""

    action_type: Literal["read_logs"] = "read_logs"
    log_filter: LogFilter | None = None
    """A keyword in any case, or ``epoch:3``, or ``epoch:2-5``; null or blank: the whole log."""


_FILTER_OF_ANOTHER_ARTIFACT: JsonDict = {
    "properties": {
        "artifact_name": {"not": {"const": "train.log"}},
        "log_filter": {"type": "string", "pattern": r"\S"},
    },
    "required": ["artifact_name", "log_filter"],
}


class ReadArtifact(_Action):
    """Read any artifact that the scenario has; a filter only with train.log."""

    model_config = ConfigDict(json_schema_extra={"not": _FILTER_OF_ANOTHER_ARTIFACT})

    action_type: Literal["read_artifact"] = "read_artifact"
    artifact_name: ArtifactName
    log_filter: LogFilter | None = None

    @model_validator(mode="after")
    def _filter_is_for_the_log(self) -> ReadArtifact:
        if self.artifact_name != "train.log" and (self.log_filter or "").strip():
            raise ValueError("log_filter applies to train.log only")
        return self


class QueryArtifact(_Action):
    """Read one field of an artifact, or the matching lines of code and log."""

    action_type: Literal["query_artifact"] = "query_artifact"
    artifact_name: ArtifactName
    field_path: Annotated[str, Field(min_length=1, max_length=300)]
    """Keys and list indices joined by dots, for example ``optimizer.momentum``; for code, diff and log a keyword; for
    data_slices.json the name of a block."""


class RunSanityCheck(_Action):
    """Run one of the eight sanity checks."""

    action_type: Literal["run_sanity_check"] = "run_sanity_check"
    sanity_check_type: SanityCheckName


class RunExperiment(_Action):
    """Train the run again with a patch and another training seed; on few occasions, see max_experiments."""

    action_type: Literal["run_experiment"] = "run_experiment"
    patch: Annotated[tuple[PatchEntry, ...], Field(max_length=2)] | None = None
    """The fields to set, at most two; null or empty is allowed, too: only the training seed differs, which shows the noise
    and is what an experiment with a patch compares with."""


_LIST_BESIDE_ONE: JsonDict = {
    "required": ["diagnoses"],
    "properties": {"diagnoses": {"type": "array"}},
    "anyOf": [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in Diagnosis.model_fields],
}


class SubmitDiagnosis(Diagnosis, _Action):
    """Submit the diagnosis, or on the expert task the list of them; takes a step, as every action does, and ends the episode."""

    model_config = ConfigDict(json_schema_extra={"not": {"anyOf": [_LIST_BESIDE_ONE, TWO_FORMS_OF_THE_FIX]}})

    action_type: Literal["submit_diagnosis"] = "submit_diagnosis"
    diagnoses: Annotated[tuple[Diagnosis, ...], Field(max_length=2)] | None = None
    """On the expert task, and only there: one entry for each thing that is wrong, none for a healthy run."""

    @model_validator(mode="after")
    def _is_a_list_or_one(self) -> SubmitDiagnosis:
        if self.diagnoses is not None and any(getattr(self, name) is not None for name in Diagnosis.model_fields):
            raise ValueError("give diagnoses, or the parts of one diagnosis, not both")
        return self

    @property
    def stated_confidence(self) -> float | None:
        """What the episode's being right is held against; null: none, or several entries, which are each about one fault."""
        if self.diagnoses is None:
            return self.confidence
        return self.diagnoses[0].confidence if len(self.diagnoses) == 1 else None


def submission(task_id: TaskId, *diagnoses: Diagnosis) -> SubmitDiagnosis:
    """Diagnoses in the shape that the task takes: the list where it asks for one, else the first. None: nothing is claimed."""
    if task_id == COMPOSED_TASK:
        return SubmitDiagnosis(diagnoses=diagnoses)
    return SubmitDiagnosis(**dict(diagnoses[0])) if diagnoses else SubmitDiagnosis()


Action = (
    ReadConfig
    | CheckDatasetStats
    | InspectPreprocessing
    | ReadEvalResults
    | ReadLogs
    | ReadArtifact
    | QueryArtifact
    | RunSanityCheck
    | RunExperiment
    | SubmitDiagnosis
)

ACTION_ADAPTER: TypeAdapter[Action] = TypeAdapter(Annotated[Action, Field(discriminator="action_type")])


def parse_action(action: Action | Mapping[str, Any]) -> Action:
    """An action from its wire form; a typed one is returned as it is.

    Raises:
        pydantic.ValidationError: the published schema does not allow it.
    """
    if isinstance(action, _Action):
        return action
    # By way of JSON: only there a list is a tuple, and strictness is the server's.
    return ACTION_ADAPTER.validate_json(to_json(dict(action), fallback=to_encodable))


def action_schema() -> dict[str, Any]:
    """The JSON Schema of an action, as the server publishes it."""
    return ACTION_ADAPTER.json_schema()
