"""What a text names: fields by any name, words and lines as they stand in the files."""

from __future__ import annotations

import json
import keyword
import re
from pathlib import Path

import pytest

from bench.validity import words
from domain.diagnosis import Diagnosis, PatchEntry
from domain.grade import PatchVerdict
from domain.grader import grade
from domain.grading.names import Named, file_named, named_in
from domain.scenario import Truth
from domain.training.artifacts.code.names import SCHEMES
from tests.domain.grading.edits.minimal import repair
from tests.domain.grading.truths import ALL_FAULTS, truth_of
from tests.domain.scenarios import THOROUGH
from tests.profiles import seeds, smoke

SYNONYMS: dict[str, list[str]] = json.loads(Path(__file__).with_name("synonyms.json").read_text())
SOME_FAULTS = smoke(ALL_FAULTS, lambda fault: sorted(ALL_FAULTS).index(fault) % 3 == 0)
SEEDS = seeds(range(10))


def is_right(named: Named, truth: Truth) -> bool:
    accepted = set(truth.accepted.fields)
    return bool(named.fields & accepted and not named.fields - accepted or named.standing & accepted)


def field_points(truth: Truth, field: str, patch: tuple[PatchEntry, ...] | None = None) -> float:
    verdict = PatchVerdict(credit=1.0, explanation="repaired") if patch else None
    said = Diagnosis(root_cause_field=field, patch=patch)
    return grade(said, truth, THOROUGH, verdict, task_id="medium").only_breakdown.root_cause_field.awarded


def changed_lines(truth: Truth) -> tuple[str, list[tuple[int, str]]]:
    """The lines of the shown file that the repair changes."""
    file, old, new = repair(truth)
    kept = set(new.splitlines())
    return file, [(at, line) for at, line in enumerate(old.splitlines(), 1) if line.strip() and line not in kept]


def test_150_of_164_natural_synonyms_name_the_field() -> None:
    wanted = [(fault, name) for fault, names in SYNONYMS.items() for name in names]
    assert len(wanted) == 164
    missed = [
        (fault, name)
        for fault, name in wanted
        if not is_right(named_in(name, truth_of(fault, 0, "train")), truth_of(fault, 0, "train"))
    ]
    print(f"{len(wanted) - len(missed)} of {len(wanted)} synonyms name the field; not: {missed}")
    assert len(missed) <= 14


def test_40_of_43_natural_names_of_declarations_of_sources_name_the_declaration() -> None:
    names_of: dict[str, list[str]] = json.loads(Path(__file__).with_name("synonyms-of-sources.json").read_text())
    missed = []
    for fault, names in names_of.items():
        truth = words.truth_of("multi_source", fault, 0)
        missed += [name for name in names if not is_right(named_in(name.format(**words.slots(truth)), truth), truth)]
    assert sum(map(len, names_of.values())) == 43
    assert len(missed) <= 3, missed


def test_a_synonym_of_one_fault_names_no_field_of_another() -> None:
    for fault, names in SYNONYMS.items():
        field = truth_of(fault, 0, "train").root_cause_field
        others = [one for one in SYNONYMS if truth_of(one, 0, "train").root_cause_field != field]
        for other in others[:: len(others) // 4]:
            truth = truth_of(other, 0, "train")
            assert [name for name in names if is_right(named_in(name, truth), truth)] == [], (fault, other)


@pytest.mark.parametrize("fault", SOME_FAULTS)
def test_every_identifier_of_a_changed_line_is_the_field_beside_the_right_fix(fault: str) -> None:
    for seed in SEEDS:
        truth = truth_of(fault, seed)
        for _, line in changed_lines(truth)[1]:
            words = re.findall(r"[A-Za-z_]\w*", line.partition("#")[0])
            for name in {word for word in words if not keyword.iskeyword(word)}:
                for written in (name, name.upper()):
                    assert field_points(truth, written, truth.patch) == 0.30, (seed, line, written)


@pytest.mark.parametrize("fault", SOME_FAULTS)
def test_a_changed_line_is_the_field_by_its_number_and_by_its_text(fault: str) -> None:
    for seed in SEEDS:
        truth = truth_of(fault, seed)
        file, lines = changed_lines(truth)
        for at, line in lines:
            short = re.sub(r"yaml$", "yml", file)
            for written in (f"{file}:{at}", f"./{file}:{at}", f"{file} line {at}", f"{file}#L{at}", f"{short}:{at}"):
                assert field_points(truth, written) == 0.30, (seed, line, written)
            is_only = [one.strip() for one in repair(truth)[1].splitlines()].count(line.strip()) == 1
            assert not is_only or field_points(truth, line.strip()) == 0.30, (seed, line)


@pytest.mark.parametrize(
    ("fault", "style", "names"),
    [
        ("scaler_refit_eval", None, ("StandardScaler.fit_transform", "StandardScaler().fit_transform(x)")),
        ("eval_dropout_on", None, ("model.train", "model.train()", "train mode of the model")),
    ],
)
def test_the_call_that_does_the_harm_is_the_field(fault: str, style: str | None, names: tuple[str, ...]) -> None:
    for seed in range(30):
        truth = truth_of(fault, seed, "train")
        _, lines = changed_lines(truth)
        code = "".join(line for _, line in lines)
        for name in names:
            if name.removesuffix("()") in code or " " in name:
                assert field_points(truth, name) == 0.30, (seed, name, code)


def test_a_word_that_stands_in_lines_of_many_fields_is_none_of_them_alone() -> None:
    truth = truth_of("data_leakage_scaler", 0, "train")
    rows = SCHEMES[truth.pipeline["style"]["names"]]["train"]
    assert len(named_in(rows, truth).around) > 3
    assert named_in(rows, truth).standing == frozenset()
    assert field_points(truth, rows) == 0.0
    assert field_points(truth, rows, truth.patch) == 0.30


def test_a_name_of_another_field_is_that_field_although_it_stands_in_the_changed_line() -> None:
    truth = truth_of("wrong_split_ratio", 0, "train")
    assert field_points(truth, "groups") == 0.0
    assert field_points(truth, "val_size") == 0.0


def test_a_line_of_another_field_is_not_the_field() -> None:
    truth = truth_of("exploding_lr", 0, "train")
    text = repair(truth)[1].splitlines()
    other = next(at for at, line in enumerate(text, 1) if "momentum" in line)
    assert field_points(truth, f"config.yaml:{other}") == 0.0


def test_many_lines_are_no_line() -> None:
    truth = truth_of("exploding_lr", 0, "train")
    assert field_points(truth, "config.yaml:1-40") == 0.0
    assert field_points(truth, "config.yaml lines 3, 6, 9, 12, 14") == 0.0


@pytest.mark.parametrize("text", ["a", "b", "a\x00b", "x", "s", "a b"])
def test_single_letters_name_nothing(text: str) -> None:
    for fault in ALL_FAULTS:
        named = named_in(text, truth_of(fault, 0))
        assert not named.fields | named.standing, fault


def test_a_list_of_fields_is_none() -> None:
    truth = truth_of("exploding_lr", 0, "train")
    names = "learning rate, momentum, weight decay, batch size, dropout, hidden units, shuffle, epochs, seed, init"
    assert field_points(truth, names) == 0.0
    assert field_points(truth, names, truth.patch) == 0.0


def test_words_that_name_nothing_mean_the_field_that_the_fix_changes() -> None:
    truth = truth_of("exploding_lr", 0, "train")
    assert field_points(truth, "the numbers go through the roof", truth.patch) == 0.30
    assert field_points(truth, "the numbers go through the roof") == 0.0
    assert field_points(truth, "optimizer.momentum", truth.patch) == 0.0


@pytest.mark.parametrize(
    "written",
    [
        "LEARNING_RATE",
        "learning_rate",
        "optimizer/learning_rate",
        "config.yml: optimizer.learning_rate",
        "`Optimizer.Learning_Rate`",
    ],
)
def test_a_path_counts_in_any_case_and_without_its_head(written: str) -> None:
    assert field_points(truth_of("exploding_lr", 0, "train"), written) == 0.30


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("config.yml", "config.yaml"),
        ("./preprocessing.py", "preprocessing.py"),
        ("/repo/src/Preprocessing.py:41", "preprocessing.py"),
        ("data_sources.yml", "data_sources.yaml"),
        ("preprocessing", "preprocessing.py"),
        ("train", None),
        ("config.yaml, preprocessing.py", None),
        ("config.yml and preprocessing.py", None),
        ("", None),
        (None, None),
    ],
)
def test_a_file_counts_with_a_folder_a_line_and_another_ending(text: str | None, file: str | None) -> None:
    assert file_named(text) == file


def test_the_files_are_not_searched_where_the_registry_says_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = truth_of("exploding_lr", 0, "train")
    monkeypatch.setattr("domain.grading.names.written", lambda run, file: pytest.fail("the file was searched"))
    assert field_points(truth, "optimizer.learning_rate") == 0.30
