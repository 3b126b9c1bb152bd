"""What the shipped agents answer on the expert task."""

from __future__ import annotations

from statistics import fmean

from bench.validity.composed import measure_expert
from bench.validity.composed_blind_answers import composed_scenarios

from bench.validity.heuristic_play import play
from mlops_debug_env.protocol.actions import Diagnosis, SubmitDiagnosis, submission


def test_each_task_is_given_the_shape_that_it_takes() -> None:
    said = Diagnosis(root_cause_file="config.yaml")
    assert submission("expert") == SubmitDiagnosis(diagnoses=())
    assert submission("expert", said, said) == SubmitDiagnosis(diagnoses=(said, said))
    assert submission("easy") == SubmitDiagnosis()
    assert submission("easy", said) == SubmitDiagnosis(root_cause_file="config.yaml")
    assert submission("expert").to_wire() == {"action_type": "submit_diagnosis", "diagnoses": []}


def test_the_heuristic_answers_with_none_one_or_two_by_its_confidence() -> None:
    rows = measure_expert(healthy=3)
    for row in rows:
        print(row)
    assert fmean(row.heuristic for row in rows) > 0.8
    assert all(play(scenario).claims <= 2 for scenario in composed_scenarios(first_seed=63_000_000, healthy=2))
