"""Declarations are read from the texts of a run, in whatever idiom they are written."""

from __future__ import annotations

import pytest

from domain.training.multi_source.artifacts import render_code, render_config, render_sources, render_train
from domain.training.multi_source.artifacts.style import options
from domain.training.multi_source.case import draw_case
from domain.training.style import SEED_SPLITS, SeedSplit
from mlops_debug_env.agents.declared.reading import read_declarations
from mlops_debug_env.agents.declared.settings import Settings
from tests.profiles import seeds

UNREAD = ("features.text_weight",)
"""No rule of the agent needs it."""


@pytest.mark.parametrize("split", SEED_SPLITS)
def test_every_declaration_is_read_as_it_was_written(split: SeedSplit) -> None:
    for seed in seeds(range(7_000, 7_040), quick=12):
        state = draw_case(seed, split, ()).now
        found = read_declarations(
            {
                "config.yaml": render_config(state),
                "data_sources.yaml": render_sources(state),
                "preprocessing.py": render_code(state),
                "train.py": render_train(state),
            }
        )
        expected = {path: value for path, value in state.declared.items() if path not in UNREAD}
        assert {path: found.facts.get(path, "missing") for path in expected} == expected
        assert found.months == state.layout.months
        assert (found.sources, found.columns) == (state.layout.source_names, state.layout.column_names)


@pytest.mark.parametrize("form", options("form.imputer", "test"))
def test_a_setting_is_read_in_every_form_of_a_call(form: str) -> None:
    from domain.training.multi_source.artifacts.style import PLAIN

    state = draw_case(7_100, "test", ()).now
    code = render_code(state, PLAIN.using(form__imputer=form, form__split=form))
    settings = Settings(code)
    assert settings.value("fill", "imputer") == state.declared["imputer.fill"]
    assert settings.value("groups", "split") == state.declared["split.groups"]


def test_code_is_parsed_and_never_executed() -> None:
    settings = Settings('raise SystemExit\nIMPUTER = {"fill": -999}\nimputer(**IMPUTER)')
    assert settings.value("fill", "imputer") == -999


@pytest.mark.parametrize("text", ["", "sources: [", "- a list", "\x00"])
def test_texts_that_cannot_be_read_declare_nothing(text: str) -> None:
    found = read_declarations(dict.fromkeys(("config.yaml", "data_sources.yaml", "preprocessing.py", "train.py"), text))
    assert found.sources == ()
    assert all(value is None for value in found.facts.values())
