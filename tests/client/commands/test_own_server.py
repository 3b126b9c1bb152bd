"""A signal that ends a command is raised once, wherever it arrives."""

from __future__ import annotations

import signal
import subprocess
import sys
from textwrap import indent

import pytest

from tests.profiles import smoke

PROGRAM = """
import asyncio, signal, sys, threading
import typer
from mlops_debug_env.commands.own_server import ending_in_order

for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(each, signal.SIG_DFL)

class Finalized:
    def __del__(self):
        signal.raise_signal(signal.{name})

def cut_in_extension_code():
    try:
        signal.raise_signal(signal.{name})
    except BaseException as error:
        raise RuntimeError(f"cannot build: {{type(error).__name__}}") from None

async def wait(before=lambda: None, after=lambda: None):
    try:
        before()
        await asyncio.sleep(20)
    finally:
        after()

async def in_a_callback():
    asyncio.get_running_loop().call_soon(signal.raise_signal, signal.{name})
    await wait(after=lambda: print("closed"))

async def in_a_step():
    await wait(lambda: signal.raise_signal(signal.{name}), lambda: print("closed"))

async def as_the_last_thing():
    print("closed")
    signal.raise_signal(signal.{name})

async def twice():
    asyncio.get_running_loop().call_soon(signal.raise_signal, signal.{name})
    await wait(after=lambda: (signal.raise_signal(signal.{name}), print("closed")))

try:
    with ending_in_order() as ending:
{body}
        print("not ended")
except typer.Exit as ended:
    sys.exit(ended.exit_code)
"""
PLACES = {
    "in a callback of the loop": "ending.run(in_a_callback())",
    "in a step of the main task": "ending.run(in_a_step())",
    "when the main task is done": "ending.run(as_the_last_thing())",
    "again while the main task ends": "ending.run(twice())",
    "where it is deferred": "with ending.deferred():\n    signal.raise_signal(signal.{name})\n    print('closed')",
    "where it becomes another exception": "print('closed'); cut_in_extension_code()",
    "in a finalizer": "print('closed'); Finalized(); threading.Event().wait(20)",
}


@pytest.mark.parametrize("name", smoke(["SIGINT", "SIGTERM", "SIGHUP"], lambda name: name == "SIGINT"))
@pytest.mark.parametrize("place", PLACES)
def test_a_signal_ends_a_command_once_wherever_it_arrives(place: str, name: str) -> None:
    body = indent(PLACES[place].format(name=name), " " * 8)
    program = PROGRAM.format(body=body, name=name)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (128 + getattr(signal, name), "closed\n", "")
