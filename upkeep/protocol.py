"""Generates what the client shares with the domain, which it cannot import.

``mlops_debug_env/protocol/types.py`` has the names of the wire: each definition is taken as it stands in the source, with
the docstring below it. ``mlops_debug_env/runner/estimates.py`` is a copy of a whole module. ``server/ranking/solver_scores.json``
is a copy of what ``python -m bench.validity solvers`` measured, because docs are not installed.
"""

from __future__ import annotations

import ast
from pathlib import Path
from types import MappingProxyType
from typing import Callable, Mapping

from upkeep.checkout import ROOT

TARGET = ROOT / "mlops_debug_env" / "protocol" / "types.py"
ESTIMATES_SOURCE = ROOT / "domain" / "ranking" / "estimates.py"
ESTIMATES_TARGET = ROOT / "mlops_debug_env" / "runner" / "estimates.py"
FLOOR_SOURCE = ROOT / "docs" / "explanation" / "floor.json"
FLOOR_TARGET = ROOT / "server" / "ranking" / "solver_scores.json"
SOURCES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "domain/types.py": (
            "TaskId",
            "RewardMode",
            "Control",
            "InvalidActions",
            "ArtifactName",
            "SanityCheckName",
            "FailureCategory",
            "ExperimentStatus",
        ),
        "domain/fields/field.py": ("FieldType",),
    }
)
"""The types, by the file that defines them."""
CONSTANTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"domain/types.py": ("TASK_IDS", "COMPOSED_TASK", "ARTIFACT_NAMES", "SANITY_CHECK_NAMES", "FAILURE_CATEGORIES")}
)
"""The constants that follow from them."""
_HEAD = '''"""The closed sets of names that the wire uses. Generated from the domain by `make reference`; do not edit."""

from __future__ import annotations

from typing import Literal, get_args
'''


class UndefinedNameError(LookupError):
    """A source no longer defines a name of the protocol."""


def render_types() -> str:
    """The text of the module."""
    types, constants = (_definitions(each) for each in (SOURCES, CONSTANTS))
    return f"{_HEAD}\n{types}\n{constants}"


def render_estimates() -> str:
    """The text of the copied module, marked as one."""
    return (
        f"# Copied from domain/ranking/estimates.py by `make reference`; do not edit.\n{ESTIMATES_SOURCE.read_text()}"
    )


RENDERED: Mapping[Path, Callable[[], str]] = MappingProxyType(
    {TARGET: render_types, ESTIMATES_TARGET: render_estimates, FLOOR_TARGET: FLOOR_SOURCE.read_text}
)


def write_shared() -> list[Path]:
    """Write the modules; returns their paths."""
    for path, render in RENDERED.items():
        path.write_text(render())
    return list(RENDERED)


def outdated() -> list[Path]:
    """The modules that are missing or differ from what the domain defines."""
    return [path for path, render in RENDERED.items() if not path.is_file() or path.read_text() != render()]


def _definitions(sources: Mapping[str, tuple[str, ...]]) -> str:
    return "".join(extract(ROOT / file, name) for file, names in sources.items() for name in names)


def extract(path: Path, name: str) -> str:
    """The lines of a module that define a name, with the docstring below them.

    Raises:
        UndefinedNameError: the module does not define it.
    """
    text = path.read_text()
    body = ast.parse(text).body
    for number, statement in enumerate(body):
        if name in _targets(statement):
            following = body[number + 1] if number + 1 < len(body) else statement
            last = following if _is_docstring(following) else statement
            return "".join(text.splitlines(keepends=True)[statement.lineno - 1 : last.end_lineno])
    raise UndefinedNameError(f"{path} does not define {name}: change upkeep/protocol.py with it")


def _targets(statement: ast.stmt) -> list[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [each.id for each in targets if isinstance(each, ast.Name)]


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
