"""What an answer that ignores the evidence can earn."""

from __future__ import annotations

import pytest

from domain.actions import Diagnosis
from domain.faults import POOLS
from domain.floor import blind_floor
from domain.registry import REGISTRY
from domain.types import TASK_IDS, TaskId
from tests.domain.corpus.reading import grade_answer
from tests.domain.scenarios import planted

FLOOR_BOUNDS = {"easy": 0.61, "medium": 0.56, "hard": 0.46}
STUFFED_BOUNDS = {"easy": 0.52, "medium": 0.47, "hard": 0.32}
EVERY_FIELD = " ".join(spec.field for spec in REGISTRY if spec.attribute)
POOL_FIELDS = {
    task: ", ".join(sorted({str(planted(fault, 1).truth.root_cause_field) for fault in POOLS[task]}))
    for task in TASK_IDS
}
EVERY_REPAIR = (
    "Set learning_rate to 0.2, momentum to 0.9 and batch_size to 64; fit StandardScaler on train only; set random_state=SEED; "
    "set test_size to 0.15; use the same class order as in training; swap val_accuracy and test_accuracy back; "
    "set the eval tokenizer to v2."
)
SENTENCES = {
    "easy": "Set momentum to 0.9. Set learning_rate to 0.2. Set batch_size to 64.",
    "medium": "Set StandardScaler.fit_transform to train. Set train_test_split.random_state to SEED. "
    "Set train_test_split.test_size to 0.15.",
    "hard": "Set LabelEncoder.fit_order to training. Set tokenizer.version to v2. Set metrics.val_accuracy to validation.",
}
KEYWORDS = (
    "reduce lower decrease learning_rate momentum batch_size 0.2 0.9 64 fit scaler train only same seed test_size 0.15 "
    "CLASSES swap val_accuracy test_accuracy tokenizer v2"
)


@pytest.mark.parametrize("task_id", TASK_IDS)
def test_the_blind_floor_is_low(task_id: TaskId) -> None:
    floor = blind_floor(task_id)
    print(f"{task_id}: blind floor {floor.score}, by {floor.answer.model_dump_json(exclude_none=True)}")
    assert floor.score <= FLOOR_BOUNDS[task_id]


@pytest.mark.parametrize("fix", [EVERY_REPAIR, KEYWORDS, EVERY_FIELD, None])
@pytest.mark.parametrize("listing", ["pool", "all"])
@pytest.mark.parametrize("task_id", TASK_IDS)
def test_a_stuffed_or_listed_constant_earns_little(task_id: TaskId, listing: str, fix: str | None) -> None:
    categories = sorted({str(planted(fault, 1).truth.failure_category) for fault in POOLS[task_id]})
    files = sorted({str(planted(fault, 1).truth.root_cause_file) for fault in POOLS[task_id]})
    fix = SENTENCES[task_id] if fix is None else fix
    field = (POOL_FIELDS[task_id] if listing == "pool" else EVERY_FIELD)[:300]
    best = 0.0
    for category in categories:
        for file in files:
            answer = Diagnosis.model_validate(
                {
                    "failure_category": category,
                    "root_cause_file": file,
                    "root_cause_field": field,
                    "proposed_fix": fix[:600],
                }
            )
            scores = [grade_answer(answer, planted(fault, seed)).score for fault in POOLS[task_id] for seed in range(5)]
            best = max(best, sum(scores) / len(scores))
    print(f"{task_id}: stuffed constant earns {best:.3f}")
    assert best <= STUFFED_BOUNDS[task_id]
