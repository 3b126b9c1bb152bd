"""The weights that are shipped are those that training makes of the corpora as they are."""

from __future__ import annotations

import json
from pathlib import Path

from bench.validity.words import digest_of
from domain.grading.free_text import fixes
from tests.domain.corpus.reading import LEARNED


def test_the_weights_were_made_of_these_texts_and_these_words() -> None:
    shipped = json.loads(Path(fixes.__file__).with_name("weights.json").read_text(encoding="utf-8"))
    assert shipped["trained_on"] == digest_of(LEARNED)
    assert all(type(weight) is int for weight in shipped["weights"].values())
