"""What the pages of a run's folder show."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from mlops_debug_env.exports.run_reader import EpisodeRow, RecordedEpisode, Turn
from mlops_debug_env.exports.transcripts import Exchange

ROWS_PER_PAGE = 200
_LEFT_OUT_OF_A_CALL = ("role", "content", "tool_calls")


class ExchangeView(NamedTuple):
    """One request and its reply, as texts."""

    new_messages: list[tuple[str, str]]
    """Role and text of each message that the request before did not have."""
    earlier: int
    """How many it had."""
    tools: str
    """Names of the tools."""
    parameters: str
    text: str
    """Of the reply; empty: none."""
    calls: list[tuple[str, str]]
    """Name and arguments of each tool call."""
    further: str
    """What else the message holds, reasoning for example, as JSON; empty: nothing."""
    facts: list[tuple[str, str]]
    failure: str
    """Why no message came, or why it holds no legal action; empty: its action was carried out."""
    is_answered: bool


class TurnView(NamedTuple):
    """One step."""

    number: int
    said: str
    action: str
    arguments: str
    exchanges: list[ExchangeView]
    is_taken_for_it: bool
    """Whether no reply held a legal action, and the runner chose one."""
    result: str
    reward: float | None


class Counts(NamedTuple):
    """Figures of the whole folder."""

    begun: int
    finished: int
    failed: int
    mean_score: float | None


def counts_of(rows: list[EpisodeRow]) -> Counts:
    scores = [each.result.score for each in rows if each.result is not None]
    failed = sum(each.failure is not None for each in rows)
    return Counts(len(rows), len(scores), failed, sum(scores) / len(scores) if scores else None)


def turns_of(episode: RecordedEpisode) -> list[TurnView]:
    views = []
    sent = 0
    for turn in episode.turns:
        exchanges = []
        for exchange in turn.exchanges:
            exchanges.append(_exchange(exchange, sent))
            sent = len(exchange.request.messages)
        views.append(_turn(turn, exchanges))
    return views


def _turn(turn: Turn, exchanges: list[ExchangeView]) -> TurnView:
    wire = dict(turn.action or {})
    action = str(wire.pop("action_type", ""))
    return TurnView(
        number=turn.number,
        said=turn.said,
        action=action,
        arguments=_compact(wire) if wire else "",
        exchanges=exchanges,
        is_taken_for_it=bool(exchanges and action and exchanges[-1].failure),
        result=_result(turn.result),
        reward=turn.reward,
    )


def _exchange(exchange: Exchange, earlier: int) -> ExchangeView:
    request, reply = exchange
    earlier = min(earlier, len(request.messages))
    message = (reply.message if reply is not None else None) or {}
    tools = ", ".join(each["function"]["name"] for each in request.tools or ())
    calls = [each.get("function") or {} for each in message.get("tool_calls") or ()]
    further = {name: each for name, each in message.items() if name not in _LEFT_OUT_OF_A_CALL and each}
    return ExchangeView(
        new_messages=[(each["role"], _text(each)) for each in request.messages[earlier:]],
        earlier=earlier,
        tools=tools,
        parameters=_compact(request.parameters),
        text=str(message.get("content") or ""),
        calls=[(str(each.get("name")), _argument_text(each.get("arguments"))) for each in calls],
        further=json.dumps(further, indent=1, ensure_ascii=False) if further else "",
        facts=_facts(exchange),
        failure="" if reply is None else reply.error or reply.problem or "",
        is_answered=reply is not None,
    )


def _facts(exchange: Exchange) -> list[tuple[str, str]]:
    reply = exchange.reply
    if reply is None:
        return []
    used = reply.usage
    facts = [
        ("Finish reason", reply.finish_reason or ""),
        ("Tokens", f"{used.input_tokens} in, {used.output_tokens} out" if used.calls else ""),
        ("Cost", f"{used.cost_usd:.6f} USD" if used.cost_usd else ""),
        ("Latency", f"{used.latency_seconds:.2f} s"),
        ("Retries", str(used.retries) if used.retries else ""),
    ]
    return [(name, value) for name, value in facts if value]


def _text(message: dict[str, Any]) -> str:
    calls = [each["function"] for each in message.get("tool_calls") or ()]
    shown = [f"{each['name']}({each['arguments']})" for each in calls]
    return "\n".join(filter(None, [message.get("content") or "", *shown]))


def _argument_text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else _compact(arguments)


def _result(result: dict[str, Any] | None) -> str:
    """An artifact as it was read, anything else as JSON."""
    if result is None:
        return ""
    content = result.get("content")
    return content if isinstance(content, str) else json.dumps(result, indent=1, ensure_ascii=False)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
