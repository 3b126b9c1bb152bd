"""A client elsewhere: in a pickle, in a forked process, in another event loop; and numbers of NumPy in what it is given."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

from mlops_debug_env import (
    DebugClient,
    PatchEntry,
    ReadConfig,
    ReadLogs,
    ResetObservation,
    RunExperiment,
    SyncDebugClient,
    parse_action,
)
from mlops_debug_env.transport.retry import Retrying
from tests.e2e.running import ServerProcess


def test_a_pickled_client_goes_on_with_the_episode_by_address_session_and_key(server: ServerProcess) -> None:
    with SyncDebugClient(f"{server.url}/", api_key="some-key", timeout_seconds=7.0, max_retries=2) as client:
        client.reset(task_id="easy", seed=5)
        client.step(ReadConfig())
        with pickle.loads(pickle.dumps(client)) as copy:
            assert (copy.base_url, copy.session_key) == (client.base_url, client.session_key)
            assert copy.step(ReadLogs()).info.step_count == 2
            assert pickle.dumps(copy) == pickle.dumps(client)


async def test_an_asynchronous_client_that_is_in_use_pickles_too(server: ServerProcess) -> None:
    async with DebugClient(server.url, retrying=Retrying(max_retries=1)) as client:
        await client.reset(task_id="easy", seed=5)
        async with pickle.loads(pickle.dumps(client)) as copy:
            assert copy.session_key == client.session_key
            assert not (await copy.state()).done


FORKING = """
import os, sys
from mlops_debug_env import ClientUnusableError, SyncDebugClient
client = SyncDebugClient(sys.argv[1])
client.reset(task_id="easy", seed=5)
child = os.fork()
if child == 0:
    try:
        client.state()
    except ClientUnusableError as error:
        print(error, flush=True)
        client.close()
    os._exit(0)
os.waitpid(child, 0)
print(client.state().done)
client.close()
"""


def run_script(script: str, server: ServerProcess) -> list[str]:
    """The lines that a script prints in a process of its own."""
    arguments = [sys.executable, "-W", "ignore", "-c", script, server.url]
    ended = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows forks no process")
def test_in_a_forked_process_a_client_says_so_and_the_parent_s_goes_on(server: ServerProcess) -> None:
    said, state = run_script(FORKING, server)
    assert "which was forked from it; make a client in each process" in said
    assert state == "False"


TWO_LOOPS = """
import asyncio, sys
from mlops_debug_env import ClientUnusableError, DebugClient, ReadConfig, ReadLogs
client = DebugClient(sys.argv[1])

async def play():
    await client.reset(task_id="easy", seed=5)
    await client.step(ReadConfig())
    await client.health()

async def play_elsewhere():
    for use in (lambda: client.step(ReadLogs()), client.health):
        try:
            await use()
        except ClientUnusableError as error:
            print(error)
    await client.close()
    print((await client.step(ReadLogs())).info.step_count)
    await client.close()

asyncio.run(play())
asyncio.run(play_elsewhere())
"""


def test_in_a_second_event_loop_a_client_says_so_in_one_sentence_and_begins_anew_once_it_is_closed(
    server: ServerProcess,
) -> None:
    step, health, count = run_script(TWO_LOOPS, server)
    assert step == health
    assert "and this is another one; make a client in each asyncio.run" in step
    assert count == "2"


async def test_integers_of_numpy_are_integers(server: ServerProcess) -> None:
    async with DebugClient(server.url) as client:
        theirs = await client.reset(task_id="easy", seed=np.int64(5))
        own = await client.reset(task_id="easy", seed=5)
    assert isinstance(theirs.observation, ResetObservation) and isinstance(own.observation, ResetObservation)
    assert theirs.observation.run_id == own.observation.run_id


@pytest.mark.parametrize(
    ("given", "own"),
    [(np.int64(3), 3), (np.float32(0.5), 0.5), (np.bool_(True), True), (np.array(7), 7)],
    ids=lambda each: type(each).__name__,
)
def test_numbers_of_numpy_in_an_action_are_python_s_own(given: object, own: object) -> None:
    entry = {"file": "config.yaml", "field": "seed"}
    wire = parse_action({"action_type": "run_experiment", "patch": [{**entry, "value": given}]})
    typed = RunExperiment(patch=(PatchEntry(**entry, value=given),))
    for action in (wire, typed):
        (read,) = action.to_wire()["patch"]
        assert (read["value"], type(read["value"])) == (own, type(own))


def test_what_is_no_number_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(Exception, match="ndarray"):
        parse_action({"action_type": "read_logs", "log_filter": np.array([1, 2])})
