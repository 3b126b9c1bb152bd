"""What of a run can be changed, and to what."""

from __future__ import annotations

import json

import pytest

from domain.training.multi_source.agreements import AGREEMENTS
from domain.training.multi_source.artifacts.sources import render_sources
from domain.training.multi_source.case import FREE, State, draw_case
from domain.training.multi_source.registry import (
    PATTERNS,
    UnknownFieldError,
    ValueOutsideFieldError,
    file_of,
    find,
    public_patterns,
    resolve,
)
from domain.training.style import SEED_SPLITS, SeedSplit

FAULTS = tuple(agreement.fault_id for agreement in AGREEMENTS)


def _state(seed: int = 0, split: SeedSplit = "train") -> State:
    return draw_case(seed, split, (FAULTS[seed % len(FAULTS)],)).now


def test_every_agreement_and_every_free_declaration_has_a_pattern_in_its_file() -> None:
    by_field = {pattern.field: pattern for pattern in PATTERNS}
    assert len(by_field) == len(PATTERNS)
    for agreement in AGREEMENTS:
        assert by_field[agreement.pattern].file == agreement.file
    assert set(by_field) == {
        *(agreement.pattern for agreement in AGREEMENTS),
        *(path for path, _ in FREE),
        "training.seed",
    }


@pytest.mark.parametrize("split", SEED_SPLITS)
def test_every_declaration_of_a_run_is_a_value_that_its_field_takes(split: SeedSplit) -> None:
    for seed in range(len(FAULTS)):
        case = draw_case(seed, split, (FAULTS[seed],))
        for state in (case.now, case.before):
            for path, value in state.declared.items():
                stored = resolve(state.layout, file_of(path), path).check(value, state.layout)
                assert (type(stored), stored) == (type(value), value), path


@pytest.mark.parametrize("split", SEED_SPLITS)
def test_every_repair_is_a_value_that_its_field_takes(split: SeedSplit) -> None:
    for fault in FAULTS:
        for seed in range(4):
            case = draw_case(seed, split, (fault,))
            (planted,) = case.planted
            spec = resolve(case.now.layout, planted.agreement.file, planted.path)
            assert spec.path == planted.path
            assert spec.check(planted.repair, case.now.layout) == planted.repair


def test_every_value_of_a_free_declaration_is_one_that_its_field_takes() -> None:
    state = _state()
    for path, values in FREE:
        for value in values:
            assert resolve(state.layout, file_of(path), path).check(value, state.layout) == value


def test_public_patterns_are_json_and_all_say_the_same_kinds_of_things() -> None:
    listed = public_patterns()
    assert json.loads(json.dumps(listed)) == listed
    assert len(listed) == len(PATTERNS)
    for one in listed:
        assert set(one) <= {"file", "field", "type", "range", "choices", "form", "nullable", "description"}
        assert {"file", "field", "type", "description"} <= set(one)
        assert ("range" in one) == (one["type"] in ("number", "integer"))
        assert ("choices" in one) == (one["type"] == "choice")
        assert ("form" in one) == (one["type"] == "text")


def test_public_patterns_name_nothing_of_a_run() -> None:
    text = json.dumps(public_patterns())
    layout = _state().layout
    assert not [name for name in (*layout.source_names, *layout.classes, layout.dataset) if name in text]


@pytest.mark.parametrize(
    "spelling",
    [
        "sources.{source}.columns.{column}.unit",
        "sources[{source}].columns[{column}].unit",
        "sources['{source}'].columns[\"{column}\"].unit",
        "data_sources.yaml:sources.{source}.columns.{column}.unit",
        "data_sources.yaml.sources.{source}.columns.{column}.unit",
        "data_sources.sources.{source}.columns.{column}.unit",
        " `sources.{source}.columns.{column}.unit` ",
    ],
)
def test_a_path_may_be_written_with_brackets_and_the_name_of_its_file(spelling: str) -> None:
    layout = _state().layout
    source, column = layout.source_names[1], layout.column_names[2]
    spec = resolve(layout, "data_sources.yaml", spelling.format(source=source, column=column))
    assert (spec.source, spec.column) == (source, column)
    assert spec.path == f"sources.{source}.columns.{column}.unit"


@pytest.mark.parametrize(
    ("file", "field"),
    [
        ("data_sources.yaml", "sources.nowhere.label_map"),
        ("data_sources.yaml", "sources.{source}.columns.nothing.unit"),
        ("data_sources.yaml", "sources.{source}.table"),
        ("data_sources.yaml", "sources.{source}"),
        ("data_sources.yaml", "split.by"),
        ("config.yaml", "optimizer"),
        ("preprocessing.py", "features.nothing.as_of"),
        ("train.py", ""),
        ("train.log", "loader.shuffle"),
    ],
)
def test_what_a_run_does_not_declare_is_unknown(file: str, field: str) -> None:
    layout = _state().layout
    with pytest.raises(UnknownFieldError):
        resolve(layout, file, field.format(source=layout.source_names[0]))


def test_a_missing_code_is_declared_only_where_values_can_be_missing() -> None:
    layout = next(
        state.layout
        for state in map(_state, range(50))
        if len({bool(column.missing_share) for column in state.layout.columns}) == 2
    )
    for column in layout.columns:
        path = f"sources.{layout.source_names[0]}.columns.{column.name}.missing_code"
        if column.missing_share:
            assert resolve(layout, "data_sources.yaml", path).column == column.name
        else:
            with pytest.raises(UnknownFieldError):
                resolve(layout, "data_sources.yaml", path)


def test_find_knows_a_path_without_a_run() -> None:
    assert find("data_sources.yaml", "sources.anywhere.columns.anything.unit").field.endswith("{column}.unit")
    with pytest.raises(UnknownFieldError, match=r"train\.py has no field split\.by"):
        find("train.py", "split.by")


def _check(path: str, value: object, state: State | None = None) -> object:
    layout = (state or _state()).layout
    path = path.format(source=layout.source_names[0], column=layout.column_names[0])
    return resolve(layout, file_of(path), path).check(value, layout)


@pytest.mark.parametrize(
    ("path", "value", "stored"),
    [
        ("join.keys", ["id", "line"], "id, line"),
        ("join.keys", "id,line", "id, line"),
        ("join.keys", ["line", "id"], "id, line"),
        ("join.keys", ["id"], "id"),
        ("split.groups", None, "none"),
        ("sources.{source}.deduplicate", None, "none"),
        ("sources.{source}.used_until", None, None),
        ("sources.{source}.used_until", "null", None),
        ("training.gradient_clip_norm", None, None),
        ("training.gradient_clip_norm", 4, 4.0),
        ("imputer.fill", "-999", -999),
        ("imputer.fill", "median", "median"),
        ("environment.tabular", 2.4, "2.4"),
        ("loader.shuffle", "True", True),
        ("loader.shuffle", False, False),
        ("training.epochs", "6", 6),
        ("sources.{source}.majority_kept", 1, 1.0),
        ("evaluation.sources", ["all"], "all"),
    ],
)
def test_a_value_is_stored_as_the_declarations_have_it(path: str, value: object, stored: object) -> None:
    found = _check(path, value)
    assert (type(found), found) == (type(stored), stored)


def test_a_test_of_every_source_is_a_test_of_all() -> None:
    state = _state()
    assert _check("evaluation.sources", list(state.layout.source_names), state) == "all"
    assert _check("evaluation.sources", [state.layout.source_names[1]], state) == state.layout.source_names[1]


def test_a_month_may_be_given_by_one_of_its_days() -> None:
    state = _state()
    month = state.layout.months[7]
    assert _check("sources.{source}.used_until", f"{month}-28", state) == month
    assert _check("sources.{source}.snapshot", month, state) == month


def test_a_unit_is_one_of_the_column_or_a_change_between_two_of_them() -> None:
    state = _state()
    first, second = state.layout.columns[0].units[:2]
    month = state.layout.months[6]
    path = "sources.{source}.columns.{column}.unit"
    assert _check(path, second, state) == second
    assert _check(path, f"{first},  from {month} {second}", state) == f"{first}, from {month} {second}"
    for wrong in (
        "furlong",
        f"{first}, from {month} furlong",
        f"{first}, from 1999-01 {second}",
        f"{first} {second}",
        1,
    ):
        with pytest.raises(ValueOutsideFieldError):
            _check(path, wrong, state)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("sources.{source}.used_until", "1999-01"),
        ("sources.{source}.used_until", "soon"),
        ("sources.{source}.snapshot", None),
        ("sources.{source}.majority_kept", 0),
        ("sources.{source}.majority_kept", float("nan")),
        ("sources.{source}.label_map", "m4"),
        ("sources.{source}.label_map", ["m1", "m2"]),
        ("training.epochs", 13),
        ("training.epochs", 2.5),
        ("training.epochs", True),
        ("training.epochs", "1e999"),
        ("optimizer.learning_rate", None),
        ("optimizer.learning_rate", {"value": 1}),
        ("loader.shuffle", 1),
        ("imputer.fill", True),
        ("imputer.fill", 0),
        ("join.keys", "line"),
        ("evaluation.sources", "nowhere"),
        ("split.by", "day"),
        ("environment.tabular", 3),
    ],
)
def test_a_value_that_a_field_does_not_take_is_refused(path: str, value: object) -> None:
    with pytest.raises(ValueOutsideFieldError, match=" takes "):
        _check(path, value)


def test_refusal_names_the_field_what_it_takes_and_the_value_cut_short() -> None:
    with pytest.raises(ValueOutsideFieldError) as refused:
        _check("split.by", "x" * 100)
    assert str(refused.value) == f'split.by takes one of random, month, not "{"x" * 39}...'


def test_a_changed_declaration_stands_in_the_text() -> None:
    state = _state()
    path = f"sources.{state.layout.source_names[0]}.majority_kept"
    assert "majority_kept: 0.4321" not in render_sources(state)
    stored = resolve(state.layout, "data_sources.yaml", path).check(0.4321, state.layout)
    assert "0.4321" in render_sources(state.declaring({path: stored}))
