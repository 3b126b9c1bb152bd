"""An episode in words, for a language model: what it starts from, and what an action showed."""

from __future__ import annotations

import json
from itertools import groupby

from mlops_debug_env.protocol.observations import ActionResult, RegistryField, ResetObservation


def describe_episode(observation: ResetObservation) -> str:
    """All that an agent starts from. The fields are named with what they take, since a diagnosis must name one."""
    artifacts = "\n".join(
        f"- {each.name}: {each.description} ({each.size_hint})" for each in observation.available_artifacts
    )
    return "\n\n".join(
        (
            observation.task_description,
            f"Training run {observation.run_id}: {observation.run_summary.model} on {observation.run_summary.dataset}, "
            f"{observation.run_summary.status}. You have {observation.max_steps} steps, the diagnosis included.",
            f"Artifacts:\n{artifacts}",
            f"Sanity checks: {', '.join(observation.sanity_checks)}",
            f"Fields that a diagnosis may name, by file:\n{_describe_fields(observation.field_registry)}",
        )
    )


def show_result(result: ActionResult) -> str:
    """What an action showed: a text as it stands, anything else as JSON."""
    if result.content is not None:
        return result.content or "(no line matches)"
    if result.sanity_check is not None:
        return result.sanity_check.model_dump_json()
    if result.status == "submitted":
        return f"Graded: {result.score}."
    if result.status == "refused":
        return f"Refused: {result.message or result.reason}"
    return json.dumps(result.value, ensure_ascii=False)


def _describe_fields(fields: tuple[RegistryField, ...]) -> str:
    """A line for each file."""
    lines = []
    for file, own in groupby(fields, key=lambda each: each.file):
        lines.append(f"- {file}: " + ", ".join(_describe_field(each) for each in own))
    return "\n".join(lines)


def _describe_field(field: RegistryField) -> str:
    return f"{field.field} ({'|'.join(field.choices)})" if field.choices else field.field
