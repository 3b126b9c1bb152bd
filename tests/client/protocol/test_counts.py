from __future__ import annotations

import pytest

from mlops_debug_env.protocol.counts import counted


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "episode", "0 episodes"),
        (1, "episode", "1 episode"),
        (2, "finding", "2 findings"),
        (1, "entry", "1 entry"),
        (2, "entry", "2 entries"),
        (3, "key", "3 keys"),
    ],
)
def test_a_noun_has_the_number_that_stands_before_it(number: int, noun: str, text: str) -> None:
    assert counted(number, noun) == text
