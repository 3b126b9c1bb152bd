"""The declarations of the last good run are read by undoing the changes since then."""

from __future__ import annotations

import pytest

from domain.training.multi_source.artifacts.changes import render_declared
from domain.training.multi_source.case import draw_case
from domain.training.multi_source.pools import FAULTS
from domain.training.style import SEED_SPLITS, SeedSplit
from mlops_debug_env.agents.declared.history import hunks_of, undone, versions_of
from mlops_debug_env.agents.declared.reading import read_declarations
from tests.profiles import seeds

UNREAD = ("features.text_weight",)
"""No rule of the agent needs it."""
TEXT = "a: 1\nb: 2\nc: 3\n"
DIFF = "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a: 1\n-b: 0\n+b: 2\n c: 3\n"


@pytest.mark.parametrize("split", SEED_SPLITS)
def test_every_changed_declaration_is_found_with_its_value_before(split: SeedSplit) -> None:
    for seed in seeds(range(7_200, 7_240), quick=10):
        case = draw_case(seed, split, (FAULTS[seed % len(FAULTS)],))
        found = read_declarations(render_declared(case)).changed
        now, before = case.now.declared, case.before.declared
        changed = {path: before[path] for path in now if now[path] != before[path] and path not in UNREAD}
        assert found == changed
        assert set(changed) <= {*case.changed, "training.seed"}


def test_changes_are_in_the_order_of_the_declarations_in_every_process() -> None:
    for seed in range(7_200, 7_206):
        found = read_declarations(render_declared(draw_case(seed, "train", ())))
        changed = [path for path in found.changed or () if not path.startswith("environment.")]
        assert changed == [path for path in found.facts if path in changed]


def test_versions_are_read_from_the_changes_alone() -> None:
    case = next(
        case
        for case in (draw_case(seed, "train", ("scaler_default_changed",)) for seed in range(7_200, 7_300))
        if "environment.tabular" in case.changed
    )
    texts = {name: text for name, text in render_declared(case).items() if name != "config.yaml"}
    found = read_declarations(texts)
    assert found.facts["environment.tabular"] == "2.4"
    assert found.changed is not None
    assert found.changed["environment.tabular"] == case.before.declared["environment.tabular"]


def test_changes_that_were_not_read_leave_it_open_what_changed() -> None:
    assert read_declarations({"config.yaml": "loader: {shuffle: true}"}).changed is None


def test_a_patch_is_undone() -> None:
    assert undone({"f": TEXT}, DIFF) == {"f": TEXT.replace("b: 2", "b: 0")}


def test_of_two_patches_of_one_line_the_last_is_undone_first() -> None:
    later = DIFF.replace("-b: 0", "-b: 2").replace("+b: 2", "+b: 5")
    assert undone({"f": TEXT.replace("b: 2", "b: 5")}, DIFF + "\n" + later) == {"f": TEXT.replace("b: 2", "b: 0")}


@pytest.mark.parametrize("diff", [DIFF.replace("+b: 2", "+b: 9"), DIFF[:-20], "@@ -1,9 +1,9 @@\n a: 1", "no patch"])
def test_what_does_not_fit_changes_nothing(diff: str) -> None:
    assert undone({"f": TEXT}, diff) == {"f": TEXT}


def test_a_hunk_ends_where_its_lines_are_counted() -> None:
    (hunk,) = hunks_of(DIFF + "\n-- \nb: 7\n")
    assert (hunk.before, hunk.after) == (("a: 1", "b: 0", "c: 3"), ("a: 1", "b: 2", "c: 3"))


@pytest.mark.parametrize(
    "spelling", ['    tabular: "{}",', "tabular: {}", "environment: {{tabular: '{}', textkit: '1.9'}}  # pinned"]
)
def test_a_version_that_was_changed_is_read_wherever_it_stands_in_its_line(spelling: str) -> None:
    lines = spelling.format("2.2"), spelling.format("2.4")
    before, after = versions_of(f"@@ -1,1 +1,1 @@\n-{lines[0]}\n+{lines[1]}\n")
    assert (before["environment.tabular"], after["environment.tabular"]) == ("2.2", "2.4")


def test_a_missing_end_of_the_last_line_is_no_line_of_a_hunk() -> None:
    mark = "\\ No newline at end of file\n"
    diff = DIFF.replace("-b: 0\n", f"-b: 0\n{mark}").replace("+b: 2\n", f"+b: 2\n{mark}")
    assert undone({"f": TEXT}, diff) == {"f": TEXT.replace("b: 2", "b: 0")}
