"""Loads an agent of the user from ``module:Class`` or ``path/to/file.py:Class``.

Rules: 1. A module is searched for as ``python -P`` does: the working directory counts only where PYTHONPATH or an installation
names it. 2. A file is imported by its path; modules beside it are found after all installed ones. 3. Whatever is wrong is
reported when a run starts, in one line.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from mlops_debug_env.agents.agent import Agent
from mlops_debug_env.protocol.errors import MlopsDebugError

MAX_NAME_CHARACTERS = 200
"""As the server takes it."""
_PATH_ENDING = ".py"


class AgentLoadError(MlopsDebugError, ValueError):
    """An agent that was named by module or file cannot be loaded."""


def is_reference(name: str) -> bool:
    """Whether a name refers to a class of the user, and not to one of the shipped agents."""
    return ":" in name or name.endswith(_PATH_ENDING) or "/" in name


class AgentFactory:
    """Makes the agents of a class.

    Attributes:
        name: that of the first agent.
    """

    def __init__(self, create: Callable[[], Agent]) -> None:
        self._create = create
        first = create()
        self._made = [first]
        self.name = first.name

    def __call__(self) -> Agent:
        return self._made.pop() if self._made else self._create()


def load_agent(reference: str) -> AgentFactory:
    """A factory of agents. One agent is made at once to check the class; it is the first that the factory returns.

    Args:
        reference: ``module:Class`` or ``path/to/file.py:Class``.

    Raises:
        AgentLoadError: there is no such module, file or class, its import or its constructor fails, or it is no `Agent`.
    """
    place, _, name = reference.rpartition(":")
    if not place or not name.isidentifier():
        raise AgentLoadError(f"--agent {reference}: name the class too, as in my_agents.py:MyAgent")
    module = _import(place)
    found = getattr(module, name, None)
    if not inspect.isclass(found):
        raise AgentLoadError(f"{place} has no class {name}{_offered(module)}")
    _check_constructor(found, place)
    return AgentFactory(lambda: _create(found, place))


def _import(place: str) -> ModuleType:
    path = Path(place).expanduser() if place.endswith(_PATH_ENDING) or "/" in place or os.sep in place else None
    if path is not None and not path.is_file():
        raise AgentLoadError(f"there is no file {place} to load an agent from")
    try:
        return _import_module(place) if path is None else _import_file(path.resolve())
    except (Exception, SystemExit) as error:
        # What is missing is the named module itself or a package that holds it, and not an import inside it.
        if path is None and isinstance(error, ModuleNotFoundError) and f"{place}.".startswith(f"{error.name}."):
            raise AgentLoadError(
                f"there is no module {place}; a file is named by its path, as in ./{place}.py"
            ) from error
        raise AgentLoadError(f"{place} cannot be imported: {_described(error, path)}") from error


def _import_module(name: str) -> ModuleType:
    with _without_implicit_working_directory():
        return importlib.import_module(name)


def _import_file(path: Path) -> ModuleType:
    name = f"mlops_debug_agent_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("it is no Python file")
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    module = sys.modules[name] = module_from_spec(spec)  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def _without_implicit_working_directory() -> Iterator[None]:
    """The working directory is left out of the search where ``python -m`` or an empty part of PYTHONPATH has put it."""
    before = list(sys.path)
    sys.path[:] = [each for position, each in enumerate(before) if not _is_implicit(each, position, before)]
    try:
        yield
    finally:
        sys.path[:] = before


def _is_implicit(entry: str, position: int, search: list[str]) -> bool:
    here = os.path.realpath(os.curdir)
    if os.path.realpath(entry) != here:
        return False
    named = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    if here in map(os.path.realpath, named):
        return False
    # What is installed, in editable mode perhaps, comes after the standard library.
    standard_library = str(Path(os.__file__).parent)
    return not entry or standard_library not in search[:position]


def _described(error: BaseException, path: Path | None) -> str:
    """The error in one line, with the line of the file where it was raised."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} (line {error.lineno})"
    own = "" if path is None else str(path.resolve())
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == own]
    where = f" (line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}{where}"


def _offered(module: ModuleType) -> str:
    classes = [
        name for name, each in vars(module).items() if inspect.isclass(each) and each.__module__ == module.__name__
    ]
    return f"; there are {', '.join(sorted(classes))}" if classes else ""


def _check_constructor(found: type[Any], place: str) -> None:
    if inspect.isabstract(found):
        raise AgentLoadError(f"{found.__name__} in {place} is abstract; name a class that can be constructed")
    if not inspect.iscoroutinefunction(getattr(found, "act", None)):
        raise AgentLoadError(
            f"{found.__name__} in {place} is no agent: it needs a method async def act(self, observation)"
        )
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        raise AgentLoadError(
            f"{found.__name__} in {place} is constructed without arguments, and needs some: {error}; give them defaults"
        ) from error
    try:
        inspect.signature(found.act).bind(None, None)
    except TypeError as error:
        raise AgentLoadError(
            f"{found.__name__} in {place} is no agent: act takes one argument, the observation: {error}"
        ) from error


def _create(found: type[Any], place: str) -> Agent:
    try:
        agent: Agent = found()
    except (Exception, SystemExit) as error:
        raise AgentLoadError(f"{found.__name__}() in {place} failed: {_described(error, None)}") from error
    name = getattr(agent, "name", None)
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARACTERS:
        raise AgentLoadError(
            f"{found.__name__} in {place} is no agent: it needs a name, a text of 1 to {MAX_NAME_CHARACTERS} characters"
        )
    return agent
