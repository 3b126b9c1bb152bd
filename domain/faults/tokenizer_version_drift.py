"""The evaluation reads text with an older tokenizer: half of the words are unknown to it."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("v1" if healthy.preprocessing.tokenizer_train == "v2" else "v2",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (
        SafeField(file="preprocessing.py", field="tokenizer.version", choices=(healthy.preprocessing.tokenizer_train,)),
    )


FAULT = Fault(
    fault_id="tokenizer_version_drift",
    task_id="hard",
    category="evaluation_bug",
    file="preprocessing.py",
    field="tokenizer.version",
    severities=_severities,
    safe=_safe,
    proposed_fix="Set tokenizer.version of the evaluation to {healthy}, the version used in training, instead of {faulty}.",
    causal=frozenset({"preprocessing.py", "eval_results.json"}),
    lines=("TOKENIZER_EVAL = ",),
    signals=(("encoder_version_match", "unknown_token_rate_test"),),
    sources=("bert_score issue 81", "OpenNMT Tokenizer issue 274", "model2vec pull request 359"),
    decoys=("rare words", "a tokenizer named in the model card, always that of the training"),
    also_categories=("preprocessing_bug",),
)
