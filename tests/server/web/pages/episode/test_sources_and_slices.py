"""Views of the data sources and of the slices: what they show of a run, and of how much while the episode runs."""

from __future__ import annotations

import json
from functools import cache
from itertools import product
from typing import Any

import pytest

from domain.episode.observation import EvidenceView
from domain.events import Event, FieldQueried
from domain.generator import generate
from domain.scenario import Evidence, Scenario
from server.web.pages.episode.changes import Cause
from server.web.pages.episode.documents import Documents
from server.web.pages.episode.exposure import line_exposure
from server.web.pages.episode.slices import SlicesView, build_slices_view
from server.web.pages.episode.sources import SourcesView, build_sources_view
from tests.hand_made import hand_made_scenario
from tests.server.web.pages.episode.test_exposure import read

SEED = 18
"""Draws a column of one source in another unit than declared."""


@cache
def scenario(fault: str | None = None) -> Scenario:
    return generate("hard", SEED, fault=fault)


@cache
def slices_document() -> dict[str, Any]:
    body: dict[str, Any] = json.loads(scenario().evidence.artifacts["data_slices.json"])
    return body


def ask(block: str) -> FieldQueried:
    return FieldQueried(artifact="data_slices.json", field=block, observation_digest="")


def documents(evidence: Evidence, events: list[Event], *, is_over: bool) -> Documents:
    view = EvidenceView(evidence)
    texts = {name: view.shown_text(name) for name in evidence.artifacts}
    return Documents(texts, line_exposure(texts, events), is_over=is_over)


def cause() -> Cause:
    truth = scenario().only_fault
    assert truth.root_cause_file
    assert truth.root_cause_field
    return Cause(truth.root_cause_file, truth.root_cause_field, "")


def slices(events: list[Event], *, is_over: bool) -> SlicesView | None:
    evidence = scenario().evidence
    return build_slices_view(
        evidence,
        events,
        documents(evidence, events, is_over=is_over),
        causes=(cause(),) if is_over else (),
        twin=scenario("none").evidence if is_over else None,
    )


def sources(events: list[Event], *, is_over: bool) -> SourcesView | None:
    return build_sources_view(documents(scenario().evidence, events, is_over=is_over), (cause(),) if is_over else ())


# Sources.


def test_a_run_of_one_table_has_no_view_of_sources_and_slices() -> None:
    evidence = hand_made_scenario().evidence
    own = documents(evidence, [], is_over=True)
    assert build_sources_view(own, ()) is None
    assert build_slices_view(evidence, [], own, causes=(), twin=None) is None


def test_sources_are_shown_once_they_were_read() -> None:
    assert sources([], is_over=False) is None
    view = sources([read("model_card.json"), read("data_sources.yaml")], is_over=False)
    assert view is not None
    assert [row.name for row in view.rows] == slices_document()["contents"]["sources"]
    cells = {row.name: dict(zip(view.headings, row.cells, strict=True)) for row in view.rows}
    mapped = scenario().truth.pipeline["declared"]
    for name, row in cells.items():
        assert row["label map"].cell.text == mapped[f"sources.{name}.label_map"]
        assert row["label map"].cell.seen_at == 1
        assert row["rows used"].cell.text == "–"  # dataset_stats.json was not read
    assert not any(each.is_faulty for row in view.rows for each in row.cells)


def test_a_query_shows_its_value_and_no_other() -> None:
    name = slices_document()["contents"]["sources"][1]
    query = FieldQueried(artifact="data_sources.yaml", field=f"sources.{name}.tokenizer", observation_digest="")
    view = sources([query], is_over=False)
    assert view is not None
    assert [row.name for row in view.rows] == [name]
    shown = [heading for heading, each in zip(view.headings, view.rows[0].cells, strict=True) if each.cell.text != "–"]
    assert shown == ["tokenizer"]


def test_counts_of_rows_come_from_the_statistics() -> None:
    view = sources([], is_over=True)
    assert view is not None
    counts = json.loads(scenario().evidence.artifacts["dataset_stats.json"])["sources"]
    for row in view.rows:
        own = [each.cell.text for each in row.cells[:3]]
        assert own == [str(counts[row.name][key]) for key in ("used", "outside_window", "dropped")]
        assert {each.cell.seen_at for each in row.cells} == {None}


@pytest.mark.parametrize("seed", range(8))
def test_the_window_is_read_in_every_spelling(seed: int) -> None:
    evidence = generate("hard", seed, fault="none").evidence
    view = build_sources_view(documents(evidence, [], is_over=True), ())
    assert view is not None
    last = json.loads(evidence.artifacts["data_slices.json"])["contents"]["months"][-1]
    assert {row.cells[view.headings.index("last month")].cell.text for row in view.rows} == {last}


# Slices.


def test_no_slice_is_shown_before_one_was_queried() -> None:
    assert slices([read("data_slices.json")], is_over=False) is None


def test_a_queried_block_is_shown_and_no_other() -> None:
    contents, blocks = slices_document()["contents"], slices_document()["blocks"]
    pairs = product(contents["sources"], contents["columns"])
    source, column = next(pair for pair in pairs if None not in blocks[".".join(pair)]["mean"])
    view = slices([read("data_slices.json"), ask(f"{source}.{column}")], is_over=False)
    assert view is not None
    assert [(row.name, [chart.source for chart in row.charts]) for row in view.rows] == [(column, [source])]
    (chart,) = view.rows[0].charts
    assert (chart.seen_at, chart.is_faulty, chart.declared.text) == (1, False, "")
    assert (view.has_twin, view.divide) == (False, None)
    block = blocks[f"{source}.{column}"]
    assert [numbers for _, (numbers,) in view.rows[0].table] == [
        f"{mean:.4g} ± {spread:.4g}" for mean, spread in zip(block["mean"], block["spread"], strict=True)
    ]


def test_a_queried_month_shows_one_point_of_each_column() -> None:
    contents = slices_document()["contents"]
    source, month = contents["sources"][0], contents["months"][3]
    view = slices([ask(f"{source}.{month}")], is_over=False)
    assert view is not None
    assert [row.name for row in view.rows] == contents["columns"]
    for row in view.rows:
        assert [named for named, _ in row.table] == [month]
        assert [dot.seen_at for dot in row.charts[0].dots] == [0]
        assert row.charts[0].seen_at is None
        assert row.charts[0].band == ""
    assert view.others == ((f"{source}.{month}", 0),)


def test_a_block_that_does_not_exist_shows_nothing() -> None:
    assert slices([ask("no.such_block")], is_over=False) is None


def test_after_the_end_every_source_and_column_has_a_chart_and_what_was_queried_is_marked() -> None:
    contents = slices_document()["contents"]
    block = f"{contents['sources'][1]}.{contents['columns'][0]}"
    view = slices([ask(block)], is_over=True)
    assert view is not None
    assert [row.name for row in view.rows] == [*contents["columns"], "classes"]
    assert all([chart.source for chart in row.charts] == contents["sources"] for row in view.rows)
    marked = {f"{chart.source}.{row.name}" for row in view.rows for chart in row.charts if chart.seen_at is not None}
    assert marked == {block}


def test_after_the_end_the_column_of_the_source_that_the_truth_names_is_faulty() -> None:
    view = slices([], is_over=True)
    assert view is not None
    assert scenario().only_fault.fault_id == "source_unit_changed"
    faulty = [f"sources.{c.source}.columns.{row.name}.unit" for row in view.rows for c in row.charts if c.is_faulty]
    assert faulty == [scenario().only_fault.root_cause_field]


def test_the_twin_is_drawn_where_it_differs_and_only_there() -> None:
    view = slices([], is_over=True)
    assert view is not None
    assert view.has_twin
    own, twin = (
        slices_document()["blocks"],
        json.loads(scenario("none").evidence.artifacts["data_slices.json"])["blocks"],
    )
    for row in view.rows:
        kinds = view.classes if row.name == "classes" else ("mean",)
        for chart in row.charts:
            name = f"{chart.source}.{row.name}"
            differing = sum(own[name][kind] != twin[name][kind] for kind in kinds)
            assert sum("dash" in trace.kind for trace in chart.traces) == differing, name
