from __future__ import annotations

import pytest

from mlops_debug_env.agents.code import Code, argument, number_argument

PROGRAM = """
LEVEL = "v2"
def fit(train, everything):
    scaler = StandardScaler().fit(imputer.transform(everything[NUMERIC]))
    encoder = TargetEncoder(smooth=5.0)
    encoder.fit(train["segment"], encode(train["label"]))
    return scaler, encoder
def evaluate(model):
    train, test = split_rows(df, test_size=0.15, seed=None)
    first, second = b, a
    return score(model, test)
"""


def test_the_rows_of_a_fit_are_found_behind_transforms_and_columns() -> None:
    code = Code(PROGRAM)
    assert code.rows_of_fit("StandardScaler") == "everything"
    assert code.rows_of_fit("TargetEncoder") == "train"
    assert code.rows_of_fit("SelectKBest") is None


def test_arguments_are_read_by_name_and_place() -> None:
    (call,) = Code(PROGRAM).calls("split_rows")
    assert (argument(call, "df", 0), argument(call, "seed"), argument(call, "groups")) == ("df", "None", None)
    assert (number_argument(call, "test_size"), number_argument(call, "seed")) == (0.15, None)


def test_calls_are_found_by_their_function() -> None:
    code = Code(PROGRAM)
    assert code.users("score") == ["evaluate"]
    assert code.calls("fit", within="evaluate") == []
    assert (code.constant("LEVEL"), code.constant("OTHER")) == ("v2", None)
    assert code.assigned_pair("first", "second") == ("b", "a")


@pytest.mark.parametrize("text", ["", "def (", "x = '\0'", "(" * 5000])
def test_a_program_that_cannot_be_parsed_has_nothing_in_it(text: str) -> None:
    code = Code(text)
    assert (code.constant("A"), code.calls("fit"), code.rows_of_fit("StandardScaler")) == (None, [], None)
