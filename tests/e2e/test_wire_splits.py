"""Over the wire: practice is written in the subjects and styles of train, held-out tasks and ranked rounds in those of their split."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import yaml

from domain.training.artifacts.code.names import PUBLIC, SCHEMES
from domain.training.multi_source.subjects import SOURCES, SUBJECTS
from domain.training.style import NAMES, SEED_SPLITS, SeedSplit
from domain.training.themes import THEMES
from tests.e2e.playing import Episode, Json, accepted, open_client
from tests.e2e.running import ServerProcess, run_command_in_process

ENTRIES = {"easy": 1, "hard": 3}
"""The first entry of each in the suite of the round."""
SEED = 3
ASKED: dict[str, tuple[SeedSplit, Json]] = {
    "practice": ("train", {}),
    "train": ("train", {"split": "train"}),
    "validation": ("validation", {"split": "validation"}),
    "test": ("test", {"split": "test"}),
    "ranked": ("test", {"round": "held-out"}),
    "ranked on validation": ("validation", {"round": "other"}),
}
"""What a client asks for, and the split that this has to be of."""


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """An agent's client of a server with a round of the default split and one of another."""
    process = ServerProcess(tmp_path_factory.mktemp("splits"))
    key = _command("keys", "create", "ann", database=process.database)
    _command("rounds", "open", "--name", "held-out", database=process.database)
    _command("rounds", "open", "--name", "other", "--split", "validation", database=process.database)
    with ExitStack() as stack:
        process.start()
        stack.callback(process.stop)
        client = stack.enter_context(open_client(process.url))
        client.headers["Authorization"] = f"Bearer {key}"
        yield client


def _command(*arguments: str, database: Path) -> str:
    done = run_command_in_process(*arguments, "--database", str(database))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _begun(http: httpx.Client, asked: Json, task_id: str) -> Episode:
    if "round" in asked:
        return Episode(http, **asked, entry=ENTRIES[task_id])
    return Episode(http, **asked, task_id=task_id, seed=SEED)


def _dataset(episode: Episode) -> str:
    name: str = episode.first["observation"]["run_summary"]["dataset"]
    return name


def _functions(code: str) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", ASKED)
def test_a_run_of_one_table_has_the_theme_and_the_names_of_its_split_only(http: httpx.Client, name: str) -> None:
    split, asked = ASKED[name]
    episode = _begun(http, asked, "easy")
    dataset, functions = _dataset(episode), _functions(episode.text_of("preprocessing.py"))
    named_in = [
        each
        for each in SEED_SPLITS
        if functions & {SCHEMES[scheme][public] for scheme in NAMES[each] for public in PUBLIC}
    ]
    assert [each for each in SEED_SPLITS if dataset in {theme.dataset for theme in THEMES[each]}] == [split]
    assert named_in == [split]


@pytest.mark.parametrize("name", ASKED)
def test_a_run_of_several_sources_has_the_subject_and_the_sources_of_its_split_only(
    http: httpx.Client, name: str
) -> None:
    split, asked = ASKED[name]
    episode = _begun(http, asked, "hard")
    dataset = _dataset(episode)
    sources = set(yaml.safe_load(episode.text_of("data_sources.yaml"))["sources"])
    assert [each for each in SEED_SPLITS if dataset in {subject.dataset for subject in SUBJECTS[each]}] == [split]
    assert [each for each in SEED_SPLITS if sources & set(SOURCES[each])] == [split]


def test_practice_is_of_train_and_each_split_makes_another_run_of_a_seed(http: httpx.Client) -> None:
    for task_id in ENTRIES:
        shown = {
            name: _begun(http, asked, task_id).first["observation"]["run_id"] for name, (_, asked) in ASKED.items()
        }
        assert shown["practice"] == shown["train"]
        assert len(set(shown.values())) == len(ASKED) - 1


def test_a_round_publishes_the_split_that_it_is_played_in(http: httpx.Client) -> None:
    rounds = accepted(http.get("/rounds"))["rounds"]
    assert {each["round"]: each["split"] for each in rounds} == {"held-out": "test", "other": "validation"}
