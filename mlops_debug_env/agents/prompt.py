"""Prompt texts for language models: instructions, the first message of an episode, results, and folded results.

The LLM agent, the exported transcripts and TRL send the same texts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import groupby

from mlops_debug_env.protocol.observations import ActionResult, Observation, RegistryField, ResetObservation
from mlops_debug_env.protocol.types import COMPOSED_TASK, TaskId

_ONE = "Exactly one thing in the run you are given was changed for the worse. "
_SOME = (
    "In the run you are given nothing was changed for the worse, or one thing, or two. Submit a list of diagnoses: one entry "
    "for each thing that is wrong, an empty list for a healthy run. An entry that matches nothing costs as much as half a "
    "right one earns, so give only what the evidence supports. "
)
_SYSTEM = (
    "You investigate machine-learning training runs. {wrong}Gather evidence with the actions you have, one action a turn; compare what different artifacts and checks "
    "say about the same thing; then call submit_diagnosis once. Name the file and the field exactly as in the list of "
    "fields, give the repair as a patch or as edits of the files as you read them, and give as confidence your honest probability that category, file and field "
    "are all right. A sanity check that raises no flag is evidence too. Unusual but harmless details occur in every run. "
    "run_experiment trains the run again with fields that you set and another training seed; there are few experiments, and "
    "one without a patch shows how much the seed alone changes; where the data have sources, metrics are means over several seeds. "
    "Reading the same thing twice costs a little; querying a field does not."
)


def system_prompt(task_id: TaskId) -> str:
    """The system message of a task."""
    return _SYSTEM.format(wrong=_SOME if task_id == COMPOSED_TASK else _ONE)


def describe_episode(first: ResetObservation) -> str:
    """The first message of an episode."""
    artifacts = "\n".join(f"- {each.name}: {each.description} ({each.size_hint})" for each in first.available_artifacts)
    summary = first.run_summary
    return (
        f"{first.task_description}\n\n"
        f"The run: {first.run_id}, a {summary.model} on {summary.dataset}, {summary.status}.\n"
        f"You have {first.max_steps} steps, the diagnosis among them.\n\n"
        f"Artifacts:\n{artifacts}\n\n"
        f"Sanity checks: {', '.join(first.sanity_checks)}\n\n"
        f"Fields that a diagnosis or a patch may name:\n{_describe_fields(first.field_registry)}"
    )


def describe_result(result: ActionResult, *, step: int, max_steps: int) -> str:
    """The result of an action, with the number of its step."""
    urge = " Submit your diagnosis now: the episode ends with the next step." if max_steps - step == 1 else ""
    return f"{show_result(result)}\n[step {step} of {max_steps}.{urge}]"


def fold_result(result: ActionResult) -> str:
    """A summary of an older result: that it was seen, its size, and how to see it again."""
    if result.content is None:
        return _compact({"status": result.status, "folded": True, **_essence(result)})
    lines = result.content.splitlines()
    return _compact(
        {
            "status": result.status,
            "artifact": result.artifact,
            "filter": result.filter,
            "folded": True,
            "lines": len(lines),
            "first_line": _clipped(lines[0]) if lines else "",
            "last_line": _clipped(lines[-1]) if lines else "",
            "see_again": "query_artifact shows single fields or lines at no cost",
        }
    )


def describe_newest_result(seen: Observation, *, max_characters: int) -> str:
    """The newest result; one that is too long keeps whole lines from both ends, with a note on what is left out."""
    result = seen.last_action_result
    content = result.content
    if content is None or len(content) <= max_characters:
        return describe_result(result, step=seen.step_count, max_steps=seen.max_steps)
    head, tail = _ends(content.splitlines(), max_characters)
    left_out = len(content.splitlines()) - len(head) - len(tail)
    note = f"[{left_out} lines left out here; query_artifact or a log_filter shows them]"
    shorter = result.model_copy(update={"content": "\n".join([*head, note, *tail])})
    return describe_result(shorter, step=seen.step_count, max_steps=seen.max_steps)


def show_result(result: ActionResult) -> str:
    """The result of an action: artifacts as text, anything else as JSON."""
    if result.content is not None:
        beside = f" (filter: {result.filter})" if result.filter else ""
        return f"{result.artifact}{beside}:\n{result.content or '(no line matches)'}"
    return _compact(result.model_dump(mode="json", exclude_unset=True))


def _essence(result: ActionResult) -> dict[str, object]:
    if result.sanity_check is not None:
        check = result.sanity_check
        if check.flag is None:  # its numbers are all that it said
            return {"check": check.check, "measured": _clipped(_compact(check.measured), 1000)}
        return {"check": check.check, "flag": check.flag, "reasons": list(check.reasons or ())}
    if result.experiment is not None:
        return {"experiment": result.experiment.model_dump(mode="json", exclude={"log_tail"})}
    if result.field is not None:
        return {"artifact": result.artifact, "field": result.field, "value": _clipped(_compact(result.value))}
    return {"message": result.message}


def _describe_fields(registry: Iterable[RegistryField]) -> str:
    """A line for each file."""
    lines = []
    for file, fields in groupby(registry, key=lambda each: each.file):
        lines.append(f"{file}: " + "; ".join(_describe_field(each) for each in fields))
    return "\n".join(lines)


def _describe_field(each: RegistryField) -> str:
    if each.choices is not None:
        values = "one of " + "|".join(map(str, each.choices))
    elif each.range is not None:
        values = f"{each.type} {each.range[0]:g} to {each.range[1]:g}"
    else:
        values = each.form or each.type
    return f"{each.field} ({values}{' or null' if each.nullable else ''})"


def _ends(lines: list[str], max_characters: int) -> tuple[list[str], list[str]]:
    """Lines from the start and from the end, alternately, as long as they fit."""
    head: list[str] = []
    tail: list[str] = []
    room = max_characters
    while len(head) + len(tail) < len(lines):
        from_start = len(head) <= len(tail)
        line = lines[len(head)] if from_start else lines[-1 - len(tail)]
        room -= len(line) + 1
        if room < 0:
            break
        (head if from_start else tail).append(line)
    return head, tail[::-1]


def _clipped(line: str, max_characters: int = 120) -> str:
    return line if len(line) <= max_characters else line[:max_characters] + "…"


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
