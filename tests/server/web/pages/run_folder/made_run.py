"""The folder of a run with an episode that ended, one that was killed in a request, and one that failed."""

from __future__ import annotations

from pathlib import Path

from mlops_debug_env.agents.llm.transcript import ModelReply
from mlops_debug_env.agents.llm.usage import ModelUsage
from mlops_debug_env.runner.records import ActionRecord, EpisodeFailure, ResultRecord, StartRecord
from mlops_debug_env.runner.run_folder import RunFolder, create_folder
from tests.client.runner.made import made_result
from tests.client.runner.test_run_folder import HEADER

FINISHED, KILLED, FAILED = "r.1.0", "r.2.0", "r.3.0"
MESSAGES = [{"role": "system", "content": "Investigate."}, {"role": "user", "content": "The run <b>a</b>."}]
CALL = {"id": "c", "type": "function", "function": {"name": "read_config", "arguments": "{}"}}
USED = ModelUsage(calls=1, input_tokens=100, output_tokens=10, latency_seconds=1.25, retries=2)


def make_run(path: Path) -> Path:
    """Write the folder; returns its path."""
    create_folder(path, HEADER, {})
    with RunFolder(path, HEADER) as run:
        for episode_id in (FINISHED, KILLED):
            run.write_turn(
                StartRecord(episode_id=episode_id, observation={"task_id": "easy", "task_description": "Find it."})
            )
            run.write_request(episode_id, 1, MESSAGES, None, {"model": "m", "max_tokens": 9})
        run.write_reply(
            FINISHED, 1, ModelReply(message={"content": "Hm."}, finish_reason="stop", problem="No action.", usage=USED)
        )
        corrected = [*MESSAGES, {"role": "user", "content": "No action."}]
        run.write_request(FINISHED, 1, corrected, None, {"model": "m", "max_tokens": 9})
        message = {"content": "I read <i>it</i>.", "tool_calls": [CALL], "reasoning_content": "Why not."}
        run.write_reply(FINISHED, 1, ModelReply(message=message, finish_reason="tool_calls", usage=USED))
        run.write_turn(
            ActionRecord(episode_id=FINISHED, turn=1, action={"action_type": "read_config"}, said="I read it.")
        )
        shown = {"status": "ok", "artifact": "config.yaml", "content": "lr: 0.1"}
        run.write_turn(ResultRecord(episode_id=FINISHED, turn=1, result=shown, reward=0.02, done=False))
        run.write_result(made_result(seed=1, score=0.8, episode_id=FINISHED))
        run.write_failure(
            EpisodeFailure(episode_id=FAILED, entry="easy-3", trial=0, kind="ModelUnavailableError", message="no GPU")
        )
    return path
