"""Values as pages show them."""

from __future__ import annotations

import json

import pytest

from server.web.pages.formatting import FILTERS, MINUS, format_plain_number, format_value


def test_a_list_of_plain_values_is_shown_on_one_line_and_stays_json() -> None:
    value = {
        "months": ["2025-01", "2025-02"],
        "mean": [1.5, None],
        "nested": {"a": [[1, 2], [3, 4]]},
        "words": ["a b", "]"],
    }
    shown = format_value(value)
    assert json.loads(shown) == value
    assert ' "mean": [ 1.5, null ]' in shown.split("\n")[2]
    assert sum("2025" in line for line in shown.split("\n")) == 1


@pytest.mark.parametrize("text", ["[\n1\n]", 'a\n"b"'])
def test_a_text_is_shown_as_it_is(text: str) -> None:
    assert format_value(text) == text


def test_a_measured_number_has_four_digits_and_a_minus() -> None:
    assert [format_plain_number(number) for number in (0.123456, -2.0, 64.0)] == ["0.1235", f"{MINUS}2", "64"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("config.yaml", "config.yaml"),
        ("sources.bridge.tokenizer", "sources.<wbr>bridge.<wbr>tokenizer"),
        ("training.gradient_clip = <2.0>", "training.<wbr>gradient_<wbr>clip = &lt;2.0&gt;"),
    ],
)
def test_a_long_path_breaks_at_its_joints_and_is_escaped(text: str, shown: str) -> None:
    assert FILTERS["breakable"](text) == shown
