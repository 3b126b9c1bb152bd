"""No artifact reveals the fault other than by its evidence."""

from __future__ import annotations

import re
from functools import cache
from typing import Iterator

import pytest

from domain.families.multi_source import FAULTS
from domain.generator import OF_SEVERAL_SOURCES, generate
from domain.scenario import Evidence
from domain.training.artifacts import draw_cosmetics
from domain.training.style import SEED_SPLITS
from domain.types import TaskId
from tests.domain.scenarios import FAULT_IDS, healthy_pipeline, planted, twin
from tests.profiles import is_quick, seeds

BANNED = re.compile(
    r"\b(?:bugs?|faults?|faulty|mutat\w*|broken|wrong|leak\w*|should be|todo|fixme|hack|mismatch\w*|drift\w*|swap\w*|planted"
    r"|easy|medium|hard|twin|healthy)\b|←|<--|-->|→",
    re.IGNORECASE,
)
SMALL = seeds(range(50))
SEEDS = seeds(tuple(987_654_321 + 1_000_003 * number for number in range(6)), quick=2)
SOURCE_SEEDS = seeds(range(1000, 1060), quick=3)


@pytest.mark.parametrize("fault_id", FAULT_IDS)
def test_no_artifact_holds_a_banned_word_or_a_fault_id(fault_id: str) -> None:
    for seed in (*SMALL, *SEEDS):
        for name, text in planted(fault_id, seed).evidence.artifacts.items():
            assert not BANNED.search(text), (name, BANNED.search(text))
            assert not any(other in text for other in FAULT_IDS)


@cache
def _of_sources(task_id: TaskId, seed: int, fault: str | None = None) -> Evidence:
    return generate(task_id, seed, fault=fault, split=SEED_SPLITS[seed % len(SEED_SPLITS)]).evidence


def _drawn_of_sources() -> Iterator[tuple[int, Evidence]]:
    for place, fault in enumerate(FAULTS[::2] if is_quick() else FAULTS):
        yield place, _of_sources("hard", place, fault)
    for seed in SOURCE_SEEDS:
        yield seed, _of_sources("expert", seed)


def test_no_artifact_of_several_sources_holds_a_banned_word_or_a_fault_id() -> None:
    for _, evidence in _drawn_of_sources():
        for name, text in evidence.artifacts.items():
            assert not BANNED.search(text) and "expert" not in text, (name, BANNED.search(text))
            assert not any(fault_id in text for fault_id in (*FAULT_IDS, *FAULTS))


def test_no_artifact_of_several_sources_holds_the_seed() -> None:
    for seed in SEEDS:
        for task_id in OF_SEVERAL_SOURCES:
            text = _of_sources(task_id, seed).model_dump_json()
            assert str(seed) not in text and f"{seed:x}" not in text


def test_the_run_id_of_several_sources_does_not_depend_on_the_fault() -> None:
    for seed, evidence in _drawn_of_sources():
        task_id: TaskId = "expert" if seed in SOURCE_SEEDS else "hard"
        assert evidence.run_id == _of_sources(task_id, seed, "none").run_id


def test_artifacts_of_several_sources_have_the_same_keys_with_and_without_the_fault() -> None:
    for seed in SOURCE_SEEDS:
        ours, theirs = _of_sources("expert", seed), _of_sources("expert", seed, "none")
        assert list(ours.artifacts) == list(theirs.artifacts)
        for check in ours.checks:
            assert list(ours.checks[check].measured) == list(theirs.checks[check].measured)


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
