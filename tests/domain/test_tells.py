"""No artifact reveals the fault other than by its evidence."""

from __future__ import annotations

import re

import pytest

from domain.training.artifacts import draw_cosmetics
from tests.domain.compositions import composed
from tests.domain.scenarios import FAULT_IDS, healthy_pipeline, planted, twin
from tests.profiles import seeds

BANNED = re.compile(
    r"\b(?:bugs?|faults?|faulty|mutat\w*|broken|wrong|leak\w*|should be|todo|fixme|hack|mismatch\w*|drift\w*|swap\w*|planted"
    r"|easy|medium|hard|twin|healthy)\b|←|<--|-->|→",
    re.IGNORECASE,
)
SMALL = seeds(range(50))
SEEDS = seeds(tuple(987_654_321 + 1_000_003 * number for number in range(6)), quick=2)


@pytest.mark.parametrize("fault_id", FAULT_IDS)
def test_no_artifact_holds_a_banned_word_or_a_fault_id(fault_id: str) -> None:
    for seed in (*SMALL, *SEEDS):
        for name, text in planted(fault_id, seed).evidence.artifacts.items():
            assert not BANNED.search(text), (name, BANNED.search(text))
            assert not any(other in text for other in FAULT_IDS)


def test_no_artifact_of_the_expert_task_holds_one_or_the_seed() -> None:
    for seed in (*SMALL, *SEEDS):
        evidence = composed(seed).evidence
        for name, text in evidence.artifacts.items():
            assert not BANNED.search(text) and "expert" not in text, (name, BANNED.search(text))
            assert not any(fault_id in text for fault_id in FAULT_IDS)
        assert seed < 50 or str(seed) not in evidence.model_dump_json()
        assert evidence.run_id == composed(seed, "none").evidence.run_id


@pytest.mark.parametrize("fault_id", FAULT_IDS)
def test_no_artifact_holds_the_digits_of_the_seed(fault_id: str) -> None:
    for seed in SEEDS:
        evidence = planted(fault_id, seed).evidence
        assert str(seed) not in evidence.model_dump_json()
        assert f"{seed:x}" not in evidence.model_dump_json()


@pytest.mark.parametrize("fault_id", FAULT_IDS)
def test_the_run_id_does_not_depend_on_the_fault(fault_id: str) -> None:
    for seed in SEEDS:
        own_seed = healthy_pipeline(fault_id, seed).seed
        assert planted(fault_id, seed).evidence.run_id == twin(fault_id, seed).evidence.run_id
        assert planted(fault_id, seed).evidence.run_id == draw_cosmetics(own_seed).run_id


@pytest.mark.parametrize("fault_id", FAULT_IDS)
def test_artifacts_have_the_same_keys_with_and_without_the_fault(fault_id: str) -> None:
    for seed in SEEDS:
        ours, theirs = planted(fault_id, seed).evidence, twin(fault_id, seed).evidence
        for name in ("config.yaml", "eval_results.json", "dataset_stats.json", "model_card.json"):
            keys = [
                re.findall(r"^\s*\"?([\w ]+)\"?:", evidence.artifacts[name], re.MULTILINE)  # type: ignore[index]
                for evidence in (ours, theirs)
            ]
            assert keys[0] == keys[1]
        for check in ours.checks:
            assert list(ours.checks[check].measured) == list(theirs.checks[check].measured)
