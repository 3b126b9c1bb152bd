"""What the shipped agents answer on the expert task."""

from __future__ import annotations

from bench.validity.heuristic_play import play
from domain.generator import generate
from mlops_debug_env.protocol.actions import Diagnosis, SubmitDiagnosis, submission


def test_each_task_is_given_the_shape_that_it_takes() -> None:
    said = Diagnosis(root_cause_file="config.yaml")
    assert submission("expert") == SubmitDiagnosis(diagnoses=())
    assert submission("expert", said, said) == SubmitDiagnosis(diagnoses=(said, said))
    assert submission("easy") == SubmitDiagnosis()
    assert submission("easy", said) == SubmitDiagnosis(root_cause_file="config.yaml")
    assert submission("expert").to_wire() == {"action_type": "submit_diagnosis", "diagnoses": []}


def test_the_heuristic_answers_with_none_one_or_two() -> None:
    for seed in range(63_000_000, 63_000_004):
        assert play(generate("expert", seed)).claims <= 2
