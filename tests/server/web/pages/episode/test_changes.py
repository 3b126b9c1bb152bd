"""Kinds of lines of a diff, and its guilty change."""

from __future__ import annotations

import pytest

from domain.training.multi_source.artifacts.changes import RENDERERS, render_changes
from domain.training.multi_source.artifacts.style import draw_style
from domain.training.multi_source.case import Case, draw_case
from domain.types import ArtifactName
from server.web.pages.episode.changes import Cause, diff_kinds, guilty_lines

SOURCES: dict[ArtifactName, str] = {
    "data_sources.yaml": "sources:\n  mill:\n    tokenizer: v2\n  port:\n    tokenizer: v2\n",
    "train.py": 'x = call(first="a", order="sorted")\n',
}
DIFF = """\
commit 1234567

--- a/data_sources.yaml
+++ b/data_sources.yaml
@@ -1,4 +1,4 @@
 sources:
   mill:
-    tokenizer: v1
+    tokenizer: v2
   port:

commit 2345678

--- a/data_sources.yaml
+++ b/data_sources.yaml
@@ -4,2 +4,2 @@
   port:
-    tokenizer: v1
+    tokenizer: v2

commit 3456789

--- a/train.py
+++ b/train.py
@@ -1,1 +1,1 @@
-x = call(first="a", order="model")
+x = call(first="a", order="sorted")
""".split("\n")


def guilty(file: ArtifactName, path: str) -> list[str]:
    found = guilty_lines(DIFF, SOURCES, [Cause(file, path, "")])
    assert bool(found.unchanged) == (not found.lines)
    return [DIFF[at] for at in sorted(found.lines)]


def test_every_line_has_its_kind() -> None:
    kinds = diff_kinds(DIFF)
    expected = {
        "commit 1234567": "",
        "--- a/train.py": "file",
        "+++ b/train.py": "file",
        " sources:": "",
        "   port:": "",
    }
    assert {line: kinds[DIFF.index(line)] for line in expected} == expected
    assert [DIFF[at] for at, kind in enumerate(kinds) if kind == "hunk"] == [
        "@@ -1,4 +1,4 @@",
        "@@ -4,2 +4,2 @@",
        "@@ -1,1 +1,1 @@",
    ]
    assert kinds.count("add") == kinds.count("del") == 3


def test_of_two_sources_with_the_same_change_the_named_one_is_guilty() -> None:
    first, second = (DIFF.index("-    tokenizer: v1", at) for at in (0, DIFF.index("commit 2345678")))
    for source, at in (("mill", first), ("port", second)):
        found = guilty_lines(DIFF, SOURCES, [Cause("data_sources.yaml", f"sources.{source}.tokenizer", "")])
        assert found.lines == {at, at + 1}


def test_of_a_line_with_several_settings_the_changed_one_is_guilty() -> None:
    assert len(guilty("train.py", "class_weights.order")) == 2
    assert guilty("train.py", "call.first") == []


def test_a_cause_that_no_commit_touched_is_told_apart() -> None:
    found = guilty_lines(DIFF, SOURCES, [Cause("data_sources.yaml", "sources.mill.unit", "")])
    assert (found.lines, found.unchanged) == (frozenset(), ("sources.mill.unit",))


def _case(fault: str, seed: int) -> Case:
    return draw_case(seed, "train", (fault,))


@pytest.mark.parametrize(
    "fault", ["source_unit_changed", "label_encoder_mismatch", "loss_over_padding", "group_leakage"]
)
def test_the_guilty_change_is_found_where_a_declaration_broke_and_only_there(fault: str) -> None:
    origins = set()
    for seed in range(2**60, 2**60 + 12):
        case = _case(fault, seed)
        (planted,) = case.planted
        style = draw_style(seed, "train")
        texts = {name: render(case.now, style) for name, render in RENDERERS.items()}
        found = guilty_lines(
            render_changes(case, style).split("\n"), texts, [Cause(planted.agreement.file, planted.path, "")]
        )
        assert bool(found.lines) == (planted.origin == "declaration"), (seed, planted.path)
        origins.add(planted.origin)
    assert origins == {"declaration", "world"}
