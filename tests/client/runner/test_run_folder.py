"""The folder of a run: torn lines, two runners, and what counts as finished."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mlops_debug_env.runner.records import ActionRecord, RunHeader
from mlops_debug_env.runner.run_folder import (
    FolderTakenError,
    NoRunError,
    RunFolder,
    create_folder,
    read_header,
    read_results,
)
from mlops_debug_env.runner.run_setup import RunRequest, header_of
from mlops_debug_env.suites import SuiteEntry
from tests.client.runner.made import made_result

OLD_PLACES = ("0.0", "1.0", "0.1", "1.1")
HEADER = RunHeader(
    run_id="0" * 32,
    suite="s",
    entries=(SuiteEntry(task_id="easy", seed=1), SuiteEntry(task_id="hard", seed=1)),
    agent="nop",
    model=None,
    trials=2,
    reward_mode="shaped",
    agent_options={},
    package_version="0",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    create_folder(tmp_path / "r", HEADER, {})
    return tmp_path / "r"


def pending(folder: RunFolder) -> list[tuple[str, int]]:
    return [(each.entry.key, each.trial) for each in folder.pending()]


def names(folder: Path) -> list[str]:
    with RunFolder(folder, read_header(folder)) as opened:
        return [each.episode_id for each in opened.pending()]


def test_the_name_of_one_episode_does_not_tell_those_of_the_others(tmp_path: Path) -> None:
    """On a server without keys, who knows the name of a running episode can play it; the names of ended ones are shown."""
    named = {}
    for folder, secret in (("r", "1" * 32), ("other", "2" * 32)):
        header = HEADER.model_copy(update={"episode_secret": secret})
        create_folder(tmp_path / folder, header, {})
        named[folder] = names(tmp_path / folder)
        assert names(tmp_path / folder) == named[folder], "a resume finds the same episodes"
        assert secret not in "".join(named[folder])
    digests = [each.rsplit(".", 1)[1] for each in [*named["r"], *named["other"]]]
    assert len(set(digests)) == 8, "one for each episode, and others with another secret"
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in digests)
    assert [each.rsplit(".", 1)[0] for each in named["r"]] == [f"{'0' * 32}.{place}" for place in OLD_PLACES]


def test_a_new_run_has_a_secret_of_its_own() -> None:
    one, other = (header_of(RunRequest(), {}) for _ in range(2))
    assert re.fullmatch("[0-9a-f]{32}", one.episode_secret or "")
    assert one.episode_secret not in (other.episode_secret, one.run_id)


def test_a_run_of_an_earlier_version_keeps_the_names_of_its_episodes(path: Path) -> None:
    stored = json.loads((path / "run.json").read_text())
    del stored["episode_secret"]
    (path / "run.json").write_text(json.dumps(stored))
    assert names(path) == [f"{'0' * 32}.{place}" for place in OLD_PLACES]


def test_what_has_a_result_is_not_pending(path: Path) -> None:
    with RunFolder(path, HEADER) as folder:
        assert pending(folder) == [("easy-1", 0), ("hard-1", 0), ("easy-1", 1), ("hard-1", 1)]
        folder.write_result(made_result(seed=1, trial=0))
    with RunFolder(path, read_header(path)) as folder:
        assert pending(folder) == [("hard-1", 0), ("easy-1", 1), ("hard-1", 1)]


@pytest.mark.parametrize("torn", ['{"episode_id": "x", "sco', "{}", "\x00" * 70_000])
def test_a_torn_last_line_is_cut_off_and_read_over(torn: str, path: Path) -> None:
    with RunFolder(path, HEADER) as folder:
        folder.write_result(made_result(seed=1, trial=0))
    with (path / "results.jsonl").open("a") as file:
        file.write(torn)
    assert len(list(read_results(path))) == 1
    with RunFolder(path, HEADER) as folder:
        folder.write_result(made_result(seed=1, trial=1))
    assert [each.trial for each in read_results(path)] == [0, 1]


def test_two_runners_do_not_write_in_one_folder(path: Path) -> None:
    with RunFolder(path, HEADER), pytest.raises(FolderTakenError, match="another runner is writing"):
        RunFolder(path, HEADER)


def test_a_folder_with_something_in_it_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FolderTakenError, match="is not empty"):
        create_folder(tmp_path, HEADER, {})


def test_the_actions_of_an_unfinished_episode_come_back_in_order(path: Path) -> None:
    with RunFolder(path, HEADER) as folder:
        first, second, *_ = folder.pending()
        for turn in (1, 2):
            for planned in (first, second):
                action = {"action_type": "read_config"}
                folder.write_turn(ActionRecord(episode_id=planned.episode_id, turn=turn, action=action, said=f"{turn}"))
        folder.write_result(made_result(seed=1, trial=0, episode_id=first.episode_id))
    with RunFolder(path, HEADER) as folder:
        assert folder.recorded_turns(first.episode_id).actions == []
        assert [each.said for each in folder.recorded_turns(second.episode_id).actions] == ["1", "2"]


def test_a_line_in_the_middle_that_is_no_result_is_reported(path: Path) -> None:
    (path / "results.jsonl").write_text('{"x": 1}\n')
    with pytest.raises(NoRunError, match="cannot be read"):
        list(read_results(path))
