"""The package's public names: found, typed, loaded on first use; the module paths of 0.1.0 go on working."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import mlops_debug_env
from mlops_debug_env.protocol import actions, errors, grade, observations

HEAVY = ("numpy", "sqlalchemy", "httpx2", "websockets", "pydantic", "openai")
FROM_PAGES_OF_0_1_0 = {
    "actions": ("Action", "ReadConfig", "ReadLogs", "RunSanityCheck", "SubmitDiagnosis", "submission"),
    "models": ("Observation",),
}


def loaded_after(code: str) -> set[str]:
    """Which of the heavy packages an interpreter has loaded after some code."""
    script = f"{code}\nimport json, sys\nprint(json.dumps([each for each in {HEAVY!r} if each in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout))


def typed_exports() -> set[str]:
    """The names that a type checker sees."""
    tree = ast.parse(Path(mlops_debug_env.__file__).read_text())
    (block,) = [each for each in tree.body if isinstance(each, ast.If)]
    return {alias.asname or "" for each in block.body if isinstance(each, ast.ImportFrom) for alias in each.names}


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_after("import mlops_debug_env") == set()


def test_a_client_an_action_and_an_error_load_neither_numpy_nor_sqlalchemy_nor_openai() -> None:
    names = "DebugClient, ProblemError, ReadLogs, SyncDebugClient, create_agent, read_suite"
    assert loaded_after(f"from mlops_debug_env import {names}") & {"numpy", "sqlalchemy", "openai"} == set()


def test_every_public_name_is_there_and_listed() -> None:
    for name in mlops_debug_env.__all__:
        assert getattr(mlops_debug_env, name) is not None
    assert set(mlops_debug_env.__all__) <= set(dir(mlops_debug_env))


def test_type_checkers_see_the_names_that_are_exported() -> None:
    assert typed_exports() | {"__version__"} == set(mlops_debug_env.__all__)


@pytest.mark.parametrize("module", [actions, errors, grade, observations], ids=lambda module: module.__name__)
def test_every_action_error_grade_and_observation_of_the_wire_is_exported(module: object) -> None:
    own = {
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == vars(module)["__name__"] and not name.startswith("_")
    }
    assert own - {"Shape"} <= set(mlops_debug_env.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'mlops_debug_env' has no attribute 'nonsense'"):
        _ = mlops_debug_env.nonsense


@pytest.mark.parametrize(("older", "names"), FROM_PAGES_OF_0_1_0.items())
def test_a_module_path_of_0_1_0_gives_the_same_objects(older: str, names: tuple[str, ...]) -> None:
    module = import_module(f"mlops_debug_env.{older}")
    assert [getattr(module, name) for name in names] == [getattr(mlops_debug_env, name) for name in names]


@pytest.mark.parametrize(
    ("older", "home"), [("actions", actions), ("errors", errors), ("grade", grade), ("models", observations)]
)
def test_an_older_module_has_every_class_of_its_successor(older: str, home: object) -> None:
    classes = {
        name
        for name, value in vars(home).items()
        if isinstance(value, type) and value.__module__ == vars(home)["__name__"] and not name.startswith("_")
    }
    module = import_module(f"mlops_debug_env.{older}")
    assert classes <= set(vars(module))


def test_the_older_modules_are_attributes_of_the_package() -> None:
    code = "import mlops_debug_env\nassert mlops_debug_env.errors.ProblemError is mlops_debug_env.ProblemError"
    loaded_after(code)


def test_the_texts_of_an_episode_are_found_at_their_path_of_0_1_0() -> None:
    older, home = import_module("mlops_debug_env.prompting"), import_module("mlops_debug_env.agents.prompt")
    assert (older.describe_episode, older.show_result) == (home.describe_episode, home.show_result)
