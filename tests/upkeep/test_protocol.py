"""The client's names of the wire are the domain's, and a file that is outdated is found."""

from __future__ import annotations

from pathlib import Path

import pytest

import domain.fields.field
import domain.types
import mlops_debug_env.protocol.types as client
import mlops_debug_env.runner.estimates as copied
from domain.ranking import estimates
from upkeep import protocol
from upkeep.protocol import (
    CONSTANTS,
    SOURCES,
    UndefinedNameError,
    extract,
    outdated,
    render_estimates,
    render_types,
    write_shared,
)


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The shared modules, in another folder."""
    elsewhere = {tmp_path / path.name: render for path, render in protocol.RENDERED.items()}
    monkeypatch.setattr(protocol, "RENDERED", elsewhere)
    return list(elsewhere)


def test_modules_that_were_just_written_are_up_to_date(shared: list[Path]) -> None:
    assert outdated() == shared
    assert write_shared() == shared
    assert outdated() == []


def test_an_edited_module_is_outdated(shared: list[Path]) -> None:
    write_shared()
    shared[0].write_text(shared[0].read_text().replace('"easy"', '"simple"'))
    assert outdated() == [shared[0]]


def test_the_clients_statistics_are_those_of_boards() -> None:
    assert render_estimates() == Path(copied.__file__).read_text()
    assert copied.rate(8, 10) == estimates.rate(8, 10)


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
