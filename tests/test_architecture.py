"""Rules of the code base that import-linter cannot express."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from upkeep.long_files import long_files

ROOT = Path(__file__).parents[1]
ROOMS = ("domain", "server", "mlops_debug_env", "migrations")


def test_the_report_of_long_files_lists_those_of_more_than_300_lines_longest_first(tmp_path: Path) -> None:
    (tmp_path / "server" / "web").mkdir(parents=True)
    for name, lines in (("server/short.py", 300), ("server/long.py", 301), ("server/web/longer.py", 400)):
        (tmp_path / name).write_text("x = 1\n" * lines)
    assert long_files(tmp_path) == [("server/web/longer.py", 400), ("server/long.py", 301)]


COSTLY = {"generate", "planted", "composed", "simulate", "read_corpus"}
MAX_POLL_SECONDS = 0.05


def _run_at_import(statements: list[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes that run when a module is imported: all but the bodies of its functions."""
    for each in statements:
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in each.decorator_list:
                yield from ast.walk(decorator)
        elif isinstance(each, ast.ClassDef):
            yield from _run_at_import(each.body)
        else:
            yield from ast.walk(each)


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


@cache
def _modules(folder: str) -> dict[Path, ast.Module]:
    """The syntax tree of each module below a folder."""
    return {file: ast.parse(file.read_text()) for file in (ROOT / folder).rglob("*.py")}


def test_no_test_module_makes_scenarios_when_it_is_collected() -> None:
    """Collecting must stay quick: every run of a single test pays for it, and every worker."""
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file, tree in _modules("tests").items()
        for node in _run_at_import(tree.body)
        if isinstance(node, ast.Call) and _called(node) in COSTLY
    ]
    assert found == []


def test_no_test_sleeps_for_longer_than_a_poll() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file, tree in _modules("tests").items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _called(node) == "sleep"
        for slept in node.args
        if isinstance(slept, ast.Constant) and slept.value > MAX_POLL_SECONDS
    ]
    assert found == []


def test_every_module_has_a_docstring_and_postponed_annotations() -> None:
    for room in (*ROOMS, "bench", "upkeep"):
        for file, tree in _modules(room).items():
            assert ast.get_docstring(tree), file
            has_code = any(not isinstance(each, ast.Expr) for each in tree.body)
            imports = [each for each in tree.body if isinstance(each, ast.ImportFrom) and each.module == "__future__"]
            assert imports or not has_code or file.name == "__init__.py", file


def test_no_pattern_of_re_ends_in_a_dollar_which_lets_a_newline_pass() -> None:
    """``fullmatch`` or a final backslash-Z matches the whole text; pydantic's patterns are Rust's, where ``$`` is the end."""
    found = []
    for room in (*ROOMS, "bench", "upkeep"):
        for file, tree in _modules(room).items():
            for call in ast.walk(tree):
                is_of_re = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
                if not is_of_re or not isinstance(call.func.value, ast.Name) or call.func.value.id != "re":
                    continue
                if "MULTILINE" in ast.unparse(call):
                    continue  # there it ends a line, which is meant
                first = call.args[0] if call.args else None
                parts = first.values[-1:] if isinstance(first, ast.JoinedStr) else [first]
                texts = [each.value for each in parts if isinstance(each, ast.Constant)]
                found += [f"{file.relative_to(ROOT)}:{call.lineno}" for text in texts if text[-1:] in ("$", b"$")]
    assert found == []
