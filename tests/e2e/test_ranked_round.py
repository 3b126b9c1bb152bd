"""A ranked round from opening to the verification of its bundle somewhere else, on a real server process."""

from __future__ import annotations

import json
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from websockets.sync.client import connect

from domain.tasks.suites import RANKED_3
from server.audit.bundle.verifier import verify_bundle
from tests.e2e.playing import Json, open_client
from tests.e2e.running import ServerProcess, environment, run_command, run_command_in_process
from tests.profiles import count

AGENTS = ("ann", "bob")
ENTRIES = tuple(entry for entry in range(1, 19) if RANKED_3.task_of(entry) != "expert")[: count(9, quick=6)]
"""Entries where one diagnosis is submitted."""
ATTEMPTS = len(AGENTS) * len(ENTRIES)
EPISODES = ATTEMPTS + 1
"""One is left running when the round is closed."""
STEPS = ({"action_type": "read_config"}, {"action_type": "read_logs"}, {"action_type": "inspect_preprocessing"})
OF_THE_EPISODE = (
    *("/state", "/openenv/state", "/episodes/{0}/events", "/episodes/{0}/state"),
    *("/episodes/{0}", "/compare?a={0}&b={0}"),
)
OF_ALL = (
    *("/rounds", "/leaderboard.json", "/leaderboard.csv", "/ready", "/checkpoint", "/schema", "/openenv/state"),
    *("/", "/episodes", "/leaderboard", "/live", "/play"),
)
CHECK = {"action_type": "run_sanity_check", "sanity_check_type": "loss_trajectory"}


def command(*arguments: str, database: Path, code: int = 0) -> str:
    done = run_command_in_process(*arguments, "--database", str(database))
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


class Sent(NamedTuple):
    """Everything that left the server while one attempt ran, and what was true of it."""

    to_agents: bytes
    """Answers to the agent, to its rivals and to a viewer, about this episode."""
    to_all: bytes
    """What is public, exported or logged."""
    truth: Json
    seed: str
    payload: Json
    """The payload of the reset, as it is after the end."""


class Round(NamedTuple):
    database: Path
    public_key: str
    sent: tuple[Sent, ...]
    log: str
    board: Json
    secret: str


class Recorder:
    """A client of every surface that keeps every byte."""

    def __init__(self, process: ServerProcess, keys: dict[str, str], folder: Path) -> None:
        self._process = process
        self._keys = keys
        self._folder = folder
        self._http = {name: self._client(key) for name, key in keys.items()}

    def close(self) -> None:
        for client in self._http.values():
            client.close()

    def _client(self, key: str) -> httpx.Client:
        client = open_client(self._process.url)
        client.headers["Authorization"] = f"Bearer {key}"
        return client

    def play(self, agent: str, entry: int, *, over_socket: bool) -> Sent:
        """One attempt, with every surface asked after every step."""
        to_agents, to_all = [], []
        rivals = [name for name in self._keys if name != agent]
        begin = {"round": "spring", "entry": entry}
        if over_socket:
            headers = {"Authorization": f"Bearer {self._keys[agent]}"}
            with connect(self._process.socket_url, proxy=None, additional_headers=headers) as socket:
                asked = [{"type": "reset", "data": begin}]
                asked += [{"type": "step", "data": action} for action in (*STEPS, CHECK)] + [{"type": "state"}]
                for frame in asked:
                    socket.send(json.dumps(frame))
                    to_agents.append(str(socket.recv(timeout=30)).encode())
                name = json.loads(to_agents[0])["data"]["metadata"]["episode_id"]
        else:
            response = self._http[agent].post("/reset", json=begin)
            assert response.status_code == 200, response.text
            name = response.json()["info"]["episode_id"]
            to_agents.append(_whole(response))
            for action in (*STEPS, CHECK):
                to_agents.append(_whole(self._http[agent].post("/step", json={"episode_id": name, "action": action})))
        for each in (agent, *rivals):
            for path in OF_THE_EPISODE:
                to_agents.append(_whole(self._http[each].get(path.format(name), params={"episode_id": name})))
        to_all += [_whole(self._http["watcher"].get(path)) for path in OF_ALL]
        if entry % 4 == 1:
            to_all.append(self._feed())
            to_all.append(self._export())
        to_all.append(self._process.output.encode())
        done = (
            self._http[agent]
            .post("/step", json={"episode_id": name, "action": {"action_type": "submit_diagnosis", "confidence": 0.5}})
            .json()
        )
        payload = json.loads(self._http[agent].get(f"/episodes/{name}/events").text)[0]["payload"]
        truth = done["info"]["ground_truth"]
        return Sent(b"".join(to_agents), b"".join(to_all), truth, done["info"]["seed"], payload)

    def _feed(self) -> bytes:
        """What the live feed tells from the beginning, until it has nothing more to tell."""
        told = []
        with (
            suppress(httpx.ReadTimeout),
            self._http["watcher"].stream("GET", "/live/feed", headers={"Last-Event-ID": "0"}, timeout=3.0) as response,
        ):
            for piece in response.iter_bytes():
                told.append(piece)  # one by one: what came before the time-out is kept
        assert any(b"data:" in piece for piece in told)
        return b"".join(told)

    def _export(self) -> bytes:
        path = self._folder / "during.zip"
        command("export", "--bundle", str(path), database=self._process.database)
        with zipfile.ZipFile(path) as bundle:
            return b"".join(bundle.read(name) for name in bundle.namelist())


def _whole(response: httpx.Response) -> bytes:
    return repr(response.headers.raw).encode() + response.content


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Round:
    folder = tmp_path_factory.mktemp("round")
    process = ServerProcess(
        folder,
        child_environment=environment(MLOPS_DEBUG_ACCESS="keys", MLOPS_DEBUG_ACCESS_LOG="true"),
        log_level="debug",
    )
    keys = {
        name: command("keys", "create", name, "--scope", scope, database=process.database).strip()
        for name, scope in (("ann", "agent"), ("bob", "agent"), ("watcher", "viewer"))
    }
    command("rounds", "open", "--suite", "ranked-3", "--attempts", "2", "--name", "spring", database=process.database)
    process.start()
    try:
        recorder = Recorder(process, keys, folder)
        sent = tuple(
            recorder.play(agent, entry, over_socket=(entry + n) % 2 == 0)
            for entry in ENTRIES
            for n, agent in enumerate(AGENTS)
        )
        # One attempt that is left running, for the close to expire.
        recorder._http["ann"].post("/reset", json={"round": "spring", "entry": 1}).raise_for_status()
        public_key = recorder._http["ann"].get("/public-key").json()["public_key"]
        command("rounds", "close", "spring", database=process.database)
        (published,) = recorder._http["ann"].get("/rounds").json()["rounds"]
        board = recorder._http["ann"].get("/leaderboard.json").json()
        recorder.close()
    finally:
        process.stop()
    return Round(process.database, public_key, sent, process.output, board, published["secret"])


@pytest.fixture(scope="module")
def bundle(played: Round, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "spring.zip"
    command("export", "--round", "spring", "--bundle", str(path), database=played.database)
    return path


def test_nothing_that_is_sent_while_an_attempt_runs_tells_what_is_true_of_it(played: Round) -> None:
    told: list[str] = []
    scanned = 0
    for each in played.sent:
        secrets = {
            "seed in hex": each.seed,
            "seed": str(int(each.seed, 16)),
            "seed, short": each.seed[:12],
            "scenario digest": each.payload["scenario_digest"],
            "the round's secret": played.secret,
        }
        everywhere = each.to_agents + each.to_all
        told += [what for what, token in secrets.items() if token.encode() in everywhere]
        # The suite, and the bundle of what has ended, name faults; about this episode no answer may.
        told += [
            what
            for what in (each.truth["fault_id"], each.truth["proposed_fix"], 'ground_truth":{', '"accepted"')
            if what.encode() in each.to_agents
        ]
        scanned += len(everywhere)
    print(f"{len(played.sent)} attempts, {scanned} bytes of answers, exports and logs scanned")
    assert len({each.seed for each in played.sent}) == ATTEMPTS
    assert told == []


def test_the_log_of_the_whole_round_names_no_seed_and_no_secret(played: Round) -> None:
    assert "POST '/reset' 200" in played.log
    assert [each.seed for each in played.sent if each.seed in played.log] == []
    assert played.secret not in played.log


@pytest.mark.slow
def test_a_closed_round_is_derived_again_elsewhere_from_bundle_and_public_key(
    played: Round, bundle: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "another-machine"
    elsewhere.mkdir()
    shutil.copy(bundle, elsewhere / "b.zip")
    done = run_command("verify", str(elsewhere / "b.zip"), "--public-key", played.public_key, "--json")
    report = json.loads(done.stdout)
    print({key: report[key] for key in ("episodes", "events", "scenarios", "seconds")})
    assert (done.returncode, report["findings"], report["notes"]) == (0, [], {})
    assert (report["episodes"], report["scenarios"]) == (EPISODES, EPISODES)
    assert [path.name for path in elsewhere.iterdir()] == ["b.zip"]


def test_the_board_counts_every_attempt(played: Round) -> None:
    rows = {row["agent"]: row for row in played.board["rows"]}
    assert [rows[name]["attempts"]["used"] for name in AGENTS] == [len(ENTRIES) + 1, len(ENTRIES)]
    assert {row["kind"] for row in rows.values()} == {"agent"}


def changed(bundle: Path, folder: Path, name: str, change: Any) -> Path:
    """A copy of the bundle in which one file was rewritten."""
    path = folder / "changed.zip"
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(path, "w") as new:
        for each in old.namelist():
            content = old.read(each).decode()
            new.writestr(each, change(content) if each == name else content)
    return path


def verified(path: Path, public_key: str) -> set[str]:
    """Codes of what is found; in this process, because starting others takes longer than verifying."""
    return {each.code for each in verify_bundle(path, public_key, create_pool=ThreadPoolExecutor).findings}


def _other_secret(text: str) -> str:
    manifest = json.loads(text)
    manifest["rounds"][0]["secret"] = "00" * 32
    return json.dumps(manifest)


def _better_score(text: str) -> str:
    boards = json.loads(text)
    boards[0]["rows"][-1]["score"] = 0.98
    return json.dumps(boards)


def _without_one_episode(text: str) -> str:
    return "".join(f"{line}\n" for line in text.splitlines() if ".spring:5:" not in line)


def _of_first_episode(old: str, new: str) -> Any:
    """Changes the first line of an episode that contains the old text."""

    def change(text: str) -> str:
        lines = text.splitlines(keepends=True)
        at = next(n for n, line in enumerate(lines) if line.startswith('{"episode"') and old in line)
        return "".join([*lines[:at], lines[at].replace(old, new, 1), *lines[at + 1 :]])

    return change


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("boards.json", _better_score, "board"),
        ("manifest.json", _other_secret, "round"),
        ("episodes.jsonl", _without_one_episode, "checkpoint"),
        ("episodes.jsonl", _of_first_episode("config.yaml", "train.log"), "chain"),
        ("episodes.jsonl", lambda text: text.replace('"score": 0.0', '"score": 0.9'), "receipt"),
        ("episodes.jsonl", lambda text: text.replace("train_loss", "train_lost", 1), "scenario"),
        (
            "checkpoint.json",
            lambda text: text.replace(f'"streams": {EPISODES}', f'"streams": {ATTEMPTS}'),
            "checkpoint",
        ),
    ],
)
def test_a_bundle_that_was_changed_is_found(
    played: Round, bundle: Path, tmp_path: Path, name: str, change: Any, code: str
) -> None:
    assert code in verified(changed(bundle, tmp_path, name, change), played.public_key)


def test_a_bundle_of_another_host_is_found(bundle: Path) -> None:
    assert {"receipt", "checkpoint"} <= verified(bundle, "00" * 32)


@pytest.mark.slow
def test_the_round_and_the_whole_store_are_audited_without_findings(played: Round) -> None:
    for which in (("--round", "spring"), ("--all",)):
        report = json.loads(command("audit", *which, "--json", database=played.database))
        assert (report["findings"], report["episodes"]) == ([], EPISODES)
        assert report["seconds_a_scenario"] > 0


def test_the_read_models_are_what_the_events_say(played: Round) -> None:
    shown = command("rebuild", "--verify", database=played.database)
    assert f"attempts: {EPISODES} rows" in shown
    assert "replaced by the rebuilt tables" in shown
