"""An agent in ten lines. It plays a suite, and with a key a ranked round:

mlops-debug run --agent examples/ten_lines.py:TenLines --entries 12
mlops-debug compete --round spring --agent examples/ten_lines.py:TenLines --api-key "$KEY"
"""

from mlops_debug_env import Action, Diagnosis, Observation, ReadConfig, ReadEvalResults, ReadLogs, submission

LOOKS = (ReadConfig(), ReadLogs(), ReadEvalResults())


class TenLines:
    name = "ten-lines"

    async def act(self, observation: Observation) -> Action:
        if observation.step_count < len(LOOKS):
            return LOOKS[observation.step_count]
        named = "learning_rate" in (observation.last_action_result.content or "")
        category = "config_error" if named else "data_leakage"
        return submission(observation.task_id, Diagnosis(failure_category=category, confidence=0.2))
