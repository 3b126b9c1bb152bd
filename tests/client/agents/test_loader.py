"""A class of the user becomes an agent, or one line says why not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mlops_debug_env import Agent, create_agent
from mlops_debug_env.agents.loader import AgentLoadError, load_agent
from mlops_debug_env.runner.records import RunHeader
from mlops_debug_env.runner.run_folder import read_failures
from tests.client.runner.running import command_in_process, results
from tests.e2e.running import ROOT, ServerProcess, environment

GOOD = """
class Hasty:
    name = "hasty"
    async def act(self, observation):
        raise NotImplementedError
"""
FILES = {
    "good.py": GOOD,
    "not_python.py": "class :",
    "broken.py": "import sys\nimport a_module_that_is_missing\n",
    "leaves.py": "import sys\nsys.exit('run me alone')\n",
    "other.py": """
import abc
class Plain:
    name = "plain"
class Blocking:
    name = "blocking"
    def act(self, observation): ...
class Greedy:
    name = "greedy"
    def __init__(self, model): ...
    async def act(self, observation): ...
class Nameless:
    async def act(self, observation): ...
class Thirsty:
    name = "thirsty"
    async def act(self, observation, state): ...
class Failing:
    name = "failing"
    def __init__(self): raise RuntimeError("no GPU")
    async def act(self, observation): ...
class Unfinished(abc.ABC):
    name = "unfinished"
    @abc.abstractmethod
    async def act(self, observation): ...
VALUE = 1
""",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("good.py", "name the class too, as in my_agents.py:MyAgent"),
        ("nowhere.py:Agent", "there is no file nowhere.py to load an agent from"),
        ("nowhere/at/all:Agent", "there is no file nowhere/at/all"),
        ("module_that_is_nowhere:Agent", "there is no module module_that_is_nowhere; a file is named by its path"),
        ("good.py:Slow", "good.py has no class Slow; there are Hasty"),
        ("other.py:VALUE", "other.py has no class VALUE; there are Blocking, "),
        ("not_python.py:Agent", "not_python.py cannot be imported: SyntaxError: invalid syntax (line 1)"),
        ("broken.py:Agent", "ModuleNotFoundError: No module named 'a_module_that_is_missing' (line 2)"),
        ("leaves.py:Agent", "leaves.py cannot be imported: SystemExit: run me alone (line 2)"),
        ("other.py:Plain", "Plain in other.py is no agent: it needs a method async def act(self, observation)"),
        ("other.py:Blocking", "Blocking in other.py is no agent: it needs a method async def act(self, observation)"),
        ("other.py:Thirsty", "act takes one argument, the observation: missing a required argument: 'state'"),
        ("other.py:Nameless", "Nameless in other.py is no agent: it needs a name"),
        ("other.py:Greedy", "is constructed without arguments, and needs some: missing a required argument: 'model'"),
        ("other.py:Failing", "Failing() in other.py failed: RuntimeError: no GPU"),
        ("other.py:Unfinished", "Unfinished in other.py is abstract"),
    ],
)
def test_what_cannot_be_loaded_ends_the_run_with_one_line_before_it_begins(
    reference: str, message: str, folder: Path, server: ServerProcess
) -> None:
    before = sorted(folder.iterdir())
    ended = command_in_process("run", "--agent", reference, "--url", server.url, "--out", "r")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: ")
    assert ended.stderr.count("\n") == 1
    assert message in ended.stderr
    assert [each for each in sorted(folder.iterdir()) if each.name != "__pycache__"] == before


def test_every_episode_gets_an_object_of_its_own(folder: Path) -> None:
    create = load_agent("good.py:Hasty")
    made = [create() for _ in range(3)]
    assert all(isinstance(each, Agent) for each in made)
    assert len({id(each) for each in made}) == 3


def test_a_file_may_import_what_lies_beside_it_but_not_in_place_of_an_installed_package(folder: Path) -> None:
    (folder / "helper_of_mine.py").write_text("NAME = 'helped'")
    (folder / "json.py").write_text("raise RuntimeError('not the json of Python')")
    (folder / "mine.py").write_text(GOOD.replace('"hasty"', "helper_of_mine.NAME") + "\n")
    text = "import json\nimport helper_of_mine\n" + (folder / "mine.py").read_text()
    (folder / "mine.py").write_text(text)
    assert load_agent("./mine.py:Hasty")().name == "helped"


def test_a_class_is_created_by_its_reference_like_a_shipped_agent(folder: Path) -> None:
    assert create_agent(f"{folder}/good.py:Hasty", task_id="easy", seed=1).name == "hasty"


def test_an_installed_module_is_found_by_its_name() -> None:
    assert load_agent("mlops_debug_env.agents.baselines:NopAgent")().name == "nop"


@pytest.mark.parametrize("search", ["", "./"])
def test_a_module_is_not_taken_from_the_working_directory_unless_the_search_path_names_it(
    search: str, folder: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mlops_debug_env", "run", "--agent", "good:Hasty", "--url", "http://127.0.0.1:1"],
        env=environment(PYTHONPATH=f"{ROOT}:{search}"),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    message = "No connection to the server" if search else "there is no module good; a file is named by its path"
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_loading_error_is_one_of_the_package() -> None:
    with pytest.raises(AgentLoadError, match="there is no file"):
        load_agent("nowhere.py:Agent")


GIVING_UP = """
class Own:
    name = "gives-up"
    async def act(self, observation):
        return helper({})
def helper(found):
    return found["missing"]
"""


def test_what_a_class_raises_is_named_and_its_own_frames_are_kept(folder: Path, server: ServerProcess) -> None:
    (folder / "own.py").write_text(GIVING_UP)
    ended = command_in_process("run", "--agent", "own.py:Own", "--entries", "1", "--url", server.url, "--out", "r")
    assert ended.returncode == 1
    assert "error: 1 episode failed, the first with KeyError: 'missing' (see errors.jsonl)" in ended.stderr
    (failure,) = read_failures(folder / "r")
    assert (failure.kind, failure.message) == ("KeyError", "'missing'")
    own = str(folder / "own.py")
    assert failure.traceback == (
        f"{own}:5 in act: return helper({{}})",
        f'{own}:7 in helper: return found["missing"]',
    )


def test_what_is_no_action_is_named_as_such(folder: Path, server: ServerProcess) -> None:
    (folder / "own.py").write_text(GIVING_UP.replace("helper({})", '"read_config"'))
    ended = command_in_process("run", "--agent", "own.py:Own", "--entries", "1", "--url", server.url, "--out", "r")
    assert "TypeError: act() of gives-up returned str, and no action" in ended.stderr


NAMED = """
from mlops_debug_env.agents.baselines import NopAgent
class Own(NopAgent):
    name = "mine"
"""


def test_the_name_of_a_class_is_shown_by_the_client_as_by_the_server(folder: Path, server: ServerProcess) -> None:
    (folder / "own.py").write_text(NAMED)
    for out in ("a", "b"):
        asked = ("run", "--agent", "own.py:Own", "--entries", "2", "--url", server.url, "--out", out)
        ended = command_in_process(*asked)
        assert ended.returncode == 0, ended.stderr
        assert "mine, run" in ended.stdout
    assert {each["agent"] for each in results(folder / "a")} == {"mine"}
    compared = command_in_process("compare", "a", "b")
    assert "mine" in compared.stdout
    assert "own.py" not in compared.stdout
    assert command_in_process(*asked, "--resume").returncode == 0, "--agent is compared with what was named"


def test_a_folder_without_the_name_of_its_class_shows_what_was_named() -> None:
    header = RunHeader(
        run_id="0" * 32,
        suite="s",
        entries=(),
        agent="own.py:Own",
        model=None,
        trials=1,
        reward_mode="shaped",
        agent_options={},
        package_version="0",
    )
    old = header.model_dump(mode="json", exclude={"agent_name"})
    assert RunHeader.model_validate(old).title == "own.py:Own"
