"""The client's names of the wire are the domain's, and a file that is outdated is found."""

from __future__ import annotations

from pathlib import Path

import pytest

import domain.fields.field
import domain.types
import mlops_debug_env.protocol.types as client
from upkeep.protocol import CONSTANTS, SOURCES, UndefinedNameError, extract, is_outdated, render_types, write_types


def test_a_module_that_was_just_written_is_up_to_date(tmp_path: Path) -> None:
    assert not is_outdated(write_types(tmp_path / "types.py"))


def test_a_missing_and_an_edited_module_are_outdated(tmp_path: Path) -> None:
    path = tmp_path / "types.py"
    assert is_outdated(path)
    write_types(path)
    path.write_text(path.read_text().replace('"easy"', '"simple"'))
    assert is_outdated(path)


def test_the_generated_module_defines_what_the_domain_defines() -> None:
    generated: dict[str, object] = {}
    exec(render_types(), generated)
    for file, names in (*SOURCES.items(), *CONSTANTS.items()):
        source = domain.types if file == "domain/types.py" else domain.fields.field
        for name in names:
            assert generated[name] == getattr(source, name) == getattr(client, name)


def test_a_definition_is_taken_with_its_docstring_and_nothing_after_it(tmp_path: Path) -> None:
    path = tmp_path / "source.py"
    path.write_text('A = 1\nB: int = (\n    2\n)\n"""About B."""\nC = 3\n')
    assert extract(path, "A") == "A = 1\n"
    assert extract(path, "B") == 'B: int = (\n    2\n)\n"""About B."""\n'


def test_a_name_that_the_domain_no_longer_defines_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "source.py"
    path.write_text("A = 1\n")
    with pytest.raises(UndefinedNameError, match="does not define B"):
        extract(path, "B")
