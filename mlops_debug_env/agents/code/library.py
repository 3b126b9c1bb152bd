"""Models of the library functions that the program imports: splits, fits, transforms, scores."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlops_debug_env.agents.code import concrete
from mlops_debug_env.agents.code.values import Imported, Instance, SplitResult, Term, Value, is_symbolic


@dataclass(frozen=True, slots=True, eq=False)
class SplitCall:
    """One call of ``split_rows``."""

    pool: Value
    test_size: Value
    groups: Value
    random_state: Value


@dataclass(frozen=True, slots=True, eq=False)
class ScoreCall:
    """One call of ``score``, with the mode of the model."""

    model: Value
    features: Value
    labels: Value
    mode: str | None
    """``train`` or ``eval``, whichever was called last; None: neither."""
    result: Term


@dataclass(slots=True, eq=False)
class Trace:
    """The calls of the library by an entry point, in order."""

    splits: list[SplitCall] = field(default_factory=list)
    scores: list[ScoreCall] = field(default_factory=list)
    resampled: list[Value] = field(default_factory=list)
    """Arguments of resamplers."""
    mode: str | None = None


def call(name: str, given: list[Value], named: dict[str, Value], trace: Trace) -> Value:
    """Call a function or class of the library."""
    if name == "split_rows":
        pool = _argument(given, named, 0, "frame")
        wanted = (_argument(given, named, 9, key) for key in ("test_size", "groups", "random_state"))
        trace.splits.append(SplitCall(pool, *wanted))
        number = str(len(trace.splits) - 1)
        return SplitResult(*(Term("half", f"{number}/{half}", (pool,)) for half in SplitResult._fields))
    if name == "score":
        model, features, labels = (
            _argument(given, named, place, key) for place, key in enumerate(("model", "features", "labels"))
        )
        result = Term("call", name, (features, labels))
        trace.scores.append(ScoreCall(model, features, labels, trace.mode, result))
        return result
    if name[:1].isupper():
        return Instance(name, dict(named))
    return Term("call", name, (*given, *named.values()))


def call_method(receiver: Value, name: str, given: list[Value], named: dict[str, Value], trace: Trace) -> Value:
    """Call a method of a library object, of a symbol, or of a concrete value."""
    match receiver:
        case Instance():
            return _call_instance(receiver, name, given, named, trace)
        case Term():
            if name in ("train", "eval") and not given:
                trace.mode = name
                return receiver
            return Term("method", name, (receiver, *given, *named.values()))
        case list() | tuple() | dict() if any(isinstance(each, Term) for each in given):
            return Term("place", of=(given[0], order_of(receiver)))
        case Imported():
            return call(name, given, named, trace)
        case _:
            return concrete.call_method(receiver, name, given, named)


def _call_instance(
    receiver: Instance, name: str, given: list[Value], named: dict[str, Value], trace: Trace
) -> Instance | Term:
    if name.startswith("fit_resample"):
        trace.resampled += given[:1]
    if name.startswith("fit"):
        receiver.fitted_on += given[:1]
    if name == "fit":
        return receiver
    return Term("method", name, (receiver, *given, *named.values()))


def order_of(owner: Value) -> tuple[Value, ...]:
    """The order in which a list, or a dictionary of names to numbers, counts its names."""
    if isinstance(owner, dict):
        return tuple(owner) if is_symbolic(owner) else tuple(sorted(owner, key=lambda name: owner[name]))
    return tuple(owner)


def _argument(given: list[Value], named: dict[str, Value], place: int, name: str) -> Value:
    return given[place] if place < len(given) else named.get(name)
