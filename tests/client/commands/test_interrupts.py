"""A program that Ctrl-C ends, from its first import to its last line."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import logging, signal, threading
from mlops_debug_env.commands.interrupts import CtrlC, ending_by_ctrl_c

signal.signal(signal.SIGINT, signal.default_int_handler)

class Finalized:
    def __del__(self):
        raise KeyboardInterrupt

with ending_by_ctrl_c():
    {body}
signal.raise_signal(signal.SIGINT)
print("done")
"""
LOGGED = """
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        logging.getLogger("pool").error("closing", exc_info=True)
        raise"""

MADE_INTO_ANOTHER = """
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        raise ValueError("cannot build a model: KeyboardInterrupt: ") from None"""
"""As pydantic's core does."""


def run(body: str) -> tuple[int, str, str]:
    program = PROGRAM.format(body=body)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "body",
    [
        "raise KeyboardInterrupt",
        "exec('raise KeyboardInterrupt')",
        "Finalized(); threading.Event().wait(20)",
        LOGGED,
        MADE_INTO_ANOTHER,
    ],
    ids=[
        "raised",
        "in code that is made and run",
        "in a finalizer",
        "logged on its way",
        "made into another by an extension",
    ],
)
def test_ctrl_c_ends_a_program_with_one_line_and_its_code(body: str) -> None:
    assert run(body) == (130, "", "interrupted before anything was done\n")


def test_ctrl_c_after_the_work_is_done_has_no_effect() -> None:
    assert run("pass") == (0, "done\n", "")


def test_ctrl_c_waits_for_the_outer_of_two_steps_that_must_not_be_cut() -> None:
    body = """
    outer = CtrlC()
    with outer.waiting():
        with CtrlC().waiting():
            signal.raise_signal(signal.SIGINT)
        print("whole")"""
    assert run(body) == (130, "whole\n", "interrupted before anything was done\n")


def test_the_handler_of_ctrl_c_is_as_before_when_a_step_that_must_not_be_cut_is_done() -> None:
    body = """
    signal.signal(signal.SIGINT, lambda *_: print("handled"))
    with CtrlC().waiting():
        pass
    signal.raise_signal(signal.SIGINT)"""
    assert run(body) == (0, "handled\ndone\n", "")
