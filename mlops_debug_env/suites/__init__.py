"""Named, versioned lists of (task, seed). They name no fault."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlops_debug_env.protocol.types import TaskId


class SuiteEntry(BaseModel):
    """One scenario to be played."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task_id: TaskId
    seed: int = Field(ge=0, lt=2**53)

    @property
    def key(self) -> str:
        """Its name in results: the same in every suite that holds this scenario."""
        return f"{self.task_id}-{self.seed}"


class Suite(BaseModel):
    """A list of scenarios that every agent plays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    generator_version: str
    """The generator under which the suite was drawn up; another one may plant other faults for the same seeds."""
    entries: tuple[SuiteEntry, ...]


class UnknownSuiteError(ValueError):
    """There is no suite of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no suite {name!r}; there are {', '.join(suite_names())}, or name a .json file")
        self.name = name


class UnreadableSuiteError(ValueError):
    """A suite file is not valid."""


def suite_names() -> tuple[str, ...]:
    """The suites of this package."""
    return tuple(sorted(each.name.removesuffix(".json") for each in _folder() if each.name.endswith(".json")))


def read_suite(name: str) -> Suite:
    """The suite of a name, or of a path that ends with ``.json``.

    Raises:
        UnknownSuiteError: there is none.
        UnreadableSuiteError: the file contains no suite.
    """
    if name.endswith(".json"):
        path = Path(name)
        if not path.is_file():
            raise UnknownSuiteError(name)
        return _decode(path.read_bytes(), name)
    for each in _folder():
        if each.name == f"{name}.json":
            return _decode(each.read_bytes(), name)
    raise UnknownSuiteError(name)


def _decode(text: bytes, name: str) -> Suite:
    try:
        suite = Suite.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UnreadableSuiteError(f"{name} is no suite: {where}: {first['msg']}") from error
    if len(set(suite.entries)) != len(suite.entries) or not suite.entries:
        raise UnreadableSuiteError(f"{name} is no suite: entries must be there, and differ from each other")
    return suite


def _folder() -> list[Traversable]:
    return [each for each in files(__package__).iterdir() if each.is_file()]
