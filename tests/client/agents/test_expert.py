"""What the shipped agents answer on the expert task."""

from __future__ import annotations

from bench.validity.agents import heuristic
from domain.generator import generate
from mlops_debug_env.protocol.actions import Diagnosis, SubmitDiagnosis, submission


def test_each_task_is_given_the_shape_that_it_takes() -> None:
    said = Diagnosis(root_cause_file="config.yaml")
    assert submission("expert") == SubmitDiagnosis(diagnoses=())
    assert submission("expert", said, said) == SubmitDiagnosis(diagnoses=(said, said))
    assert submission("easy") == SubmitDiagnosis()
    assert submission("easy", said) == SubmitDiagnosis(root_cause_file="config.yaml")
    assert submission("expert").to_wire() == {"action_type": "submit_diagnosis", "diagnoses": []}


def test_the_heuristic_answers_with_none_one_or_two_of_different_fields() -> None:
    for seed in range(63_000_000, 63_000_006):
        answer = heuristic(generate("expert", seed))
        assert len({each.root_cause_field for each in answer}) == len(answer) <= 2
