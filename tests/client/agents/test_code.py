"""Programs are read by their data flow: equivalent spellings, one-fact changes, broken programs, and hostile ones."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.faults import CATALOGUE, POOLS
from domain.generator import generate, scenario_seed
from domain.training.artifacts import render_code
from domain.training.pipeline import Pipeline, draw_pipeline
from domain.training.style import NAMES, SEED_SPLITS, SPELLINGS, STEPS, Style
from mlops_debug_env.agents.code import PipelineCode
from tests.profiles import examples, smoke

PIPELINE = draw_pipeline(scenario_seed("medium", 11))

# Written for this test in another style: other names, another layout, training and evaluation in another order.
ELSEWHERE = """
import tabular as kit
from tabular import score as judge

KINDS, COLUMNS = ("a", "b", "c"), [f"c{i}" for i in range(3)]
SETTINGS = {"seed": 4 + 3, "hold": {"final": 0.2, "tune": 0.25}}

class Unused:
    pass

def cut(t, *, state=SETTINGS["seed"]):
    by = None if GROUPED is False else t["customer_id"]
    left, final = kit.split_rows(t, groups=by, test_size=SETTINGS["hold"]["final"], random_state=state)
    parts = kit.split_rows(left, groups=by, test_size=SETTINGS["hold"]["tune"], random_state=state)
    return {"learn": parts[0], "tune": parts[1], "final": final}

GROUPED = True

def parts_of(t):
    fill, scale = kit.SimpleImputer(strategy="median"), kit.StandardScaler()
    for step in (fill,):
        step.fit(t[COLUMNS])
    scale.fit(fill.transform(t[COLUMNS]))
    return dict(fill=fill, scale=scale)

def inputs(t, parts, *, times=1, words="w-v2", order=COLUMNS):
    block = parts["fill"].transform(t[order]) * times / 1
    return kit.hstack([parts["scale"].transform(block), kit.count_tokens(t["text"], words)])

def numbers(labels, kinds=KINDS):
    place = {kind: at for at, kind in enumerate(kinds)}
    return [place[one] for one in labels]

def learn(table):
    split = cut(table)
    parts = parts_of(split["learn"])
    watched = split["tune"]
    return (inputs(split["learn"], parts), numbers(split["learn"]["label"])), (
        inputs(watched, parts), numbers(watched["label"])), parts

def weigh_up(net, table, parts, style):
    split = cut(table)
    net.eval()
    tuned = judge(net, inputs(split["tune"], parts), numbers(split["tune"]["label"]))
    final = judge(net, inputs(split["final"], parts), numbers(split["final"]["label"]))
    return {"val_accuracy": tuned.accuracy, "test_accuracy": final.accuracy}
"""


def facts(code: PipelineCode) -> dict[str, object]:
    """All facts about a program."""
    return {
        "splits anew": code.evaluation_resplits,
        "splits the rest": code.splits_the_rest,
        "resamples first": code.resamples_before_splitting,
        "watched": code.watched_rows,
        "fits": [code.rows_of_fit(kind) for kind in ("StandardScaler", "TargetEncoder", "SelectKBest")],
        "settings": [code.setting("SimpleImputer", "strategy"), code.setting("TargetEncoder", "smooth")],
        "is scaled": code.is_scaled,
        "is cross-fitted": code.is_cross_fitted,
        "sorts labels": code.sorts_labels,
        "untouched": code.untouched_columns,
        "reported": [code.reported_rows("val_accuracy"), code.reported_rows("test_accuracy")],
        "scored": code.scored_rows,
        "modes": code.modes,
        "orders": code.class_orders,
        "tokenizers": [code.training_tokenizers, code.evaluation_tokenizers],
        "units": code.units,
        "column order": code.keeps_column_order,
        "reuses scaler": code.reuses_scaler,
        "shares": [(call.test_size, call.groups is None) for call in code.training_splits],
    }


def test_a_program_in_another_style_is_understood() -> None:
    found = facts(PipelineCode(ELSEWHERE))
    train, val, test = ({name} for name in ("train", "val", "test"))
    assert found["shares"] == [(0.2, False), (0.25, False)]
    assert (found["watched"], found["reported"], found["scored"]) == (val, [val, test], [val, test])
    assert found["fits"] == [train, None, None]
    assert (found["splits anew"], found["splits the rest"], found["reuses scaler"]) == (False, True, True)
    assert (found["units"], found["column order"], found["modes"]) == ([1.0, 1.0], True, ["eval", "eval"])
    assert found["orders"] == [("a", "b", "c")] * 3
    assert found["tokenizers"] == [["w-v2"], ["w-v2", "w-v2"]]


@pytest.mark.parametrize(
    ("before", "after", "fact", "expected"),
    [
        ("parts_of(split['learn'])", "parts_of(table)", "fits", [{"all"}, None, None]),
        ("watched = split['tune']", "watched = split['final']", "watched", {"test"}),
        ("inputs(split['final'], parts)", "inputs(split['final'], parts, times=100)", "units", [1.0, 100.0]),
        ("inputs(split['final'], parts)", "inputs(split['final'], parts, words='w-v1')", "tokenizers", None),
        ("inputs(split['final'], parts)", "inputs(split['final'], parts, order=COLUMNS[::-1])", "column order", False),
        ("inputs(split['final'], parts)", "inputs(split['learn'], parts)", "scored", [{"val"}, {"train"}]),
        ("inputs(split['final'], parts)", "inputs(split['final'], parts_of(split['final']))", "reuses scaler", False),
        ("numbers(split['final']['label'])", "numbers(split['final']['label'], sorted(KINDS)[::-1])", "orders", None),
        ("net.eval()", "net.train()", "modes", ["train", "train"]),
        ("kit.split_rows(left", "kit.split_rows(t", "splits the rest", False),
        ("GROUPED = True", "GROUPED = False", "shares", [(0.2, True), (0.25, True)]),
        ("split = cut(table)\n    net", "split = cut(table, state=None)\n    net", "splits anew", True),
        ("'val_accuracy': tuned", "'val_accuracy': final", "reported", [{"test"}, {"test"}]),
    ],
)
def test_one_change_of_a_program_changes_one_fact(before: str, after: str, fact: str, expected: object) -> None:
    plain = ELSEWHERE.replace('"', "'")
    assert before in plain
    found, usual = facts(PipelineCode(plain.replace(before, after))), facts(PipelineCode(plain))
    assert found[fact] != usual[fact]
    assert expected is None or found[fact] == expected
    assert {name for name in found if found[name] != usual[name]} <= {fact, "reuses scaler", "scored", "reported"}


IN_EVERY_STYLE = list(product(sorted(fault_id for pool in POOLS.values() for fault_id in pool), SEED_SPLITS))


@pytest.mark.parametrize("case", smoke(IN_EVERY_STYLE, lambda case: IN_EVERY_STYLE.index(case) % 4 == 0), ids=str)
def test_facts_do_not_depend_on_how_a_program_is_written(case: tuple[str, str]) -> None:
    fault_id, split = case
    """A fault's program in three styles of each split, spelled and laid out otherwise."""
    pipeline = Pipeline.from_json(generate(CATALOGUE[fault_id].task_id, 12, fault=fault_id).truth.pipeline)
    styles = [
        Style(names=names, spellings=str(digit) * len(STEPS))
        for names in NAMES[split]  # type: ignore[index]
        for digit in SPELLINGS[split]  # type: ignore[index]
    ]
    plain, *others = [facts(PipelineCode(render_code(replace(pipeline, style=style)))) for style in (Style(), *styles)]
    assert all(each == plain for each in others)


@settings(max_examples=examples(40), deadline=None)
@given(
    st.text("01234", min_size=len(STEPS), max_size=len(STEPS)), st.sampled_from([n for s in NAMES.values() for n in s])
)
def test_any_mixture_of_spellings_tells_the_same(spellings: str, names: str) -> None:
    style = Style(names=names, spellings=spellings)
    assert facts(PipelineCode(render_code(replace(PIPELINE, style=style)))) == facts(
        PipelineCode(render_code(replace(PIPELINE, style=Style())))
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "def (",
        "x = '\0'",
        "(" * 5000,
        "x = " + "-" * 20_000 + "1",
        "x = " + "+".join(["1"] * 5_000),
        "def f(a):\n    return f(a)\nx = f(1)",
        "def f(a):\n    return [f(a) for _ in range(200)]\ndef g(a):\n    return f(a)",
        "x = [0]\n" + "x = [x, x]\n" * 200 + "y = x == x\nz = str(x)\nk = {(x, x): 1}",
        "x = 'a'\n" + "x = x + x\n" * 200,
        "x = range(10 ** 12)\ny = list(range(999999999999))\nz = 'a' * 10 ** 12\nw = 9 ** 9 ** 9",
        "x = f'{1:999999999}'\ny = '{:>999999999}'.format(1)",
        "for a in range(199):\n"
        + "".join(" " * n + f"for a{n} in range(199):\n" for n in range(1, 9))
        + " " * 9
        + "x = 1",
        "import os\nx = os.system('echo no')\ny = open('/nowhere').read()\nz = __import__('os').getcwd()\neval('1')",
        "x = (1).__class__.__bases__\ny = ''.join.__self__\nz = [].append.__globals__",
    ],
)
def test_what_cannot_be_followed_has_nothing_in_it_and_does_no_harm(text: str) -> None:
    found = facts(PipelineCode(text))
    assert (found["fits"], found["scored"], found["shares"]) == ([None, None, None], [], [])


@settings(max_examples=examples(60), deadline=None)
@given(st.data())
def test_a_damaged_program_is_no_error(data: st.DataObject) -> None:
    lines = render_code(PIPELINE).splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        lines[place] = data.draw(
            st.sampled_from(["", lines[place] * 2, "    pass", "    return 1", "x, y = 1, 2, 3", "del df"])
        )
    facts(PipelineCode("\n".join(lines)))
