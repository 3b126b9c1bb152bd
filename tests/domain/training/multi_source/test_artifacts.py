"""What the static texts of a run say: its declarations, in whatever idiom, and nothing of its world."""

from __future__ import annotations

import json
import re
import zlib
from itertools import combinations

import pytest
import yaml

from domain.episode.query import parse_document, query_document
from domain.training.multi_source.agreements import AGREEMENTS, LABEL_MAPS
from domain.training.multi_source.artifacts import (
    render_card,
    render_changes,
    render_code,
    render_config,
    render_sources,
    render_train,
)
from domain.training.multi_source.artifacts.changes import RENDERERS
from domain.training.multi_source.artifacts.program import SCHEMES
from domain.training.multi_source.artifacts.sources import declared_in_sources
from domain.training.multi_source.artifacts.style import IDIOMS, PLAIN, Style, draw_style, options
from domain.training.multi_source.case import FREE, Case, State, draw_case
from domain.training.multi_source.registry import file_of
from domain.training.multi_source.subjects import SOURCES
from domain.training.multi_source.tables import label_map
from domain.training.style import SEED_SPLITS, SeedSplit
from tests.domain.training.multi_source.library import ACCURACIES, BATCHES, SETS, Recorded, run_program
from tests.profiles import is_quick, seeds

FAULTS = tuple(agreement.fault_id for agreement in AGREEMENTS)
CODE_IDIOMS = [
    (name, option)
    for name, groups in IDIOMS.items()
    for option in sum(groups, ())
    if name.split(".")[0] in ("code", "train", "form")
]
YAML_IDIOMS = [
    (name, option)
    for name, groups in IDIOMS.items()
    for option in sum(groups, ())
    if name.split(".")[0] in ("config", "sources")
]


def _case(seed: int, split: SeedSplit = "train") -> Case:
    return draw_case(seed, split, (FAULTS[seed % len(FAULTS)],))


def _run(state: State, style: Style) -> Recorded:
    return run_program(render_config(state, style), render_code(state, style), render_train(state, style))


def _expected(state: State) -> dict[str, object]:
    """What the libraries have to get."""
    declared, seed = state.declared, state.declared["training.seed"]
    sections = ("split", "features", "imputer", "evaluation", "optimizer", "class_weights", "loss")
    return {
        **{path: value for path, value in declared.items() if path.split(".")[0] in sections},
        "split.seed": seed,
        "loader.shuffle": declared["loader.shuffle"],
        "loader.batch_size": declared["training.batch_size"],
        "loader.seed": seed,
        "network.hidden_units": declared["model.hidden_units"],
        "network.outputs": len(state.layout.classes),
        "network.seed": seed,
        "class_weights.classes": state.layout.classes,
    }


def _steps(state: State) -> list[str]:
    """What the training has to do."""
    limit, inputs = state.declared["training.gradient_clip_norm"], _inputs()["validation"]
    steps = []
    for epoch in range(1, int(str(state.declared["training.epochs"])) + 1):
        for one in range(BATCHES):
            gradients = f"gradients(loss(logits(x{one}), y{one}, w{one}*balance[y{one}]))"
            steps.append(f"step with {gradients if limit is None else f'clip({gradients}, {limit})'}")
        steps += [f"accuracy of validation with {inputs}", f"epoch {epoch}: {ACCURACIES[epoch - 1]}"]
    return steps


def _inputs() -> dict[str, str]:
    return {name: f"join(scale(fill(numbers({name}))), count(tokens({name})))" for name in SETS}


def _assert_runs_as_declared(state: State, style: Style) -> None:
    recorded = _run(state, style)
    expected = _expected(state)
    assert recorded.settings == expected
    assert {path: type(value) for path, value in recorded.settings.items()} == {
        path: type(value) for path, value in expected.items()
    }
    assert sorted(recorded.fitted) == [
        "count on tokens(train)",
        "fill on numbers(train)",
        "scale on fill(numbers(train))",
    ]
    assert recorded.steps == _steps(state)
    assert recorded.scored == ("network of epoch 3", {name: name for name in SETS}, _inputs())
    assert recorded.results == "results"


def _seeds_of_splits(option: str) -> list[tuple[int, SeedSplit]]:
    """A seed of each split; in a quick run of one split, which idioms take in turns."""
    found = list(enumerate(SEED_SPLITS))
    return [found[zlib.crc32(option.encode()) % len(found)]] if is_quick() else found


@pytest.mark.parametrize(("name", "option"), CODE_IDIOMS)
def test_the_code_of_every_idiom_does_what_is_declared(name: str, option: str) -> None:
    for seed, split in _seeds_of_splits(option):
        _assert_runs_as_declared(_case(seed).now, draw_style(seed, split).using(**{name: option}))
    _assert_runs_as_declared(_case(3).now, PLAIN.using(**{name: option}))


@pytest.mark.parametrize("split", SEED_SPLITS)
def test_the_code_of_every_seed_does_what_is_declared(split: SeedSplit) -> None:
    for seed in seeds(range(40), quick=8):
        state = _case(seed, split).now
        _assert_runs_as_declared(state, draw_style(seed, split))


def _read_config(text: str, state: State) -> None:
    document = yaml.safe_load(text)
    for path, value in state.declared.items():
        if file_of(path) == "config.yaml":
            section, name = path.split(".")
            found = document[section][name]
            assert (type(found), found) == (type(value), value), path
    assert document["data"]["dataset"] == state.layout.dataset


def _read_sources(text: str, state: State) -> None:
    document = yaml.safe_load(text)
    for path, value in state.declared.items():
        if file_of(path) == "data_sources.yaml":
            found = declared_in_sources(document, path)
            assert (type(found), found) == (type(value), value), path
    assert set(document["sources"]) == set(state.layout.source_names)
    for source in document["sources"].values():
        assert set(source["columns"]) == set(state.layout.column_names)


@pytest.mark.parametrize(("name", "option"), YAML_IDIOMS)
def test_yaml_of_every_idiom_gives_back_what_is_declared(name: str, option: str) -> None:
    read, render = (_read_config, render_config) if name.startswith("config") else (_read_sources, render_sources)
    for seed, style in enumerate((PLAIN, *(draw_style(0, split) for split in SEED_SPLITS))):
        state = _case(seed).now
        read(render(state, style.using(**{name: option})), state)


@pytest.mark.parametrize("split", SEED_SPLITS)
def test_yaml_of_every_seed_gives_back_what_is_declared(split: SeedSplit) -> None:
    for seed in seeds(range(15), quick=5):
        state = _case(seed, split).now
        _read_config(render_config(state), state)
        _read_sources(render_sources(state), state)


@pytest.mark.parametrize("split", SEED_SPLITS)
def test_queries_into_yaml_find_every_declaration_at_its_path(split: SeedSplit) -> None:
    for seed in seeds(range(6), quick=3):
        state = _case(seed, split).now
        texts = {"config.yaml": render_config(state), "data_sources.yaml": render_sources(state)}
        # Read as config.yaml: the loader of queries, which knows YAML 1.2's types.
        documents = {file: parse_document("config.yaml", text) for file, text in texts.items()}
        for path, value in state.declared.items():
            if file_of(path) in documents:
                found = query_document(documents[file_of(path)], path)
                assert (", ".join(found) if isinstance(found, list) else found) == value, path


def test_data_sources_show_every_label_map_as_the_tables_are_read() -> None:
    state = _case(5).now
    maps = yaml.safe_load(render_sources(state, PLAIN))["label_maps"]
    assert maps == {
        name: dict(enumerate(state.layout.classes[place] for place in label_map(state.layout, name).tolist()))
        for name in LABEL_MAPS
    }


@pytest.mark.parametrize("split", SEED_SPLITS)
def test_a_declaration_in_code_stands_there_under_the_parts_of_its_path(split: SeedSplit) -> None:
    for seed in seeds(range(30), quick=8):
        state = _case(seed, split).now
        texts = {"preprocessing.py": render_code(state), "train.py": render_train(state)}
        for path in state.declared:
            if file_of(path) in texts:
                words = set(re.findall(r"[a-z]+", texts[file_of(path)].lower().replace("_", " ")))
                assert set(re.findall(r"[a-z]+", path)) <= words, path


@pytest.mark.parametrize("option", sum(IDIOMS["code.changelog"], ()))
@pytest.mark.parametrize("title", sum(IDIOMS["code.title"], ()))
def test_code_shows_what_changed_in_both_libraries_whichever_version_is_pinned(option: str, title: str) -> None:
    style = PLAIN.using(code__changelog=option, code__title=title)
    for version, other in (("2.2", "1.9"), ("2.4", "1.7")):
        state = _case(0).now.declaring({"environment.tabular": version, "environment.textkit": other})
        text = render_code(state, style)
        assert text.count("tabular 2.4: standard_scaler() gives 0 for near-constant columns") == 1
        assert text.count("textkit 1.9: vocabulary() leaves out stop words") == 1


def _texts(case: Case, style: Style | None = None) -> dict[str, str]:
    now = case.now
    return {
        "config.yaml": render_config(now, style),
        "data_sources.yaml": render_sources(now, style),
        "preprocessing.py": render_code(now, style),
        "train.py": render_train(now, style),
        "changes.diff": render_changes(case, style),
        "model_card.json": render_card(now),
    }


def test_texts_do_not_depend_on_the_world() -> None:
    for seed in range(len(FAULTS)):
        case = _case(seed)
        elsewhere = dict.fromkeys(case.now.world, "elsewhere")

        def moved(state: State, world: dict[str, str] = elsewhere) -> State:
            return State(seed=state.seed, split=state.split, world=world, declared=state.declared)

        other = Case(
            now=moved(case.now), before=moved(case.before), planted=(), twin=moved(case.twin), changed=case.changed
        )
        assert _texts(case) == _texts(other)


def test_the_card_says_nothing_that_can_be_declared_wrongly() -> None:
    for seed in range(len(FAULTS)):
        case = _case(seed)
        changed = {path: case.before.declared[path] for path in case.changed}
        assert render_card(case.now.declaring(changed)) == render_card(case.now)


def _apply(diff: str, texts: dict[str, str]) -> list[str]:
    """Applies hunk after hunk, strictly; returns the files in their order."""
    files, lines, place = [], diff.split("\n"), 0
    while place < len(lines):
        if not lines[place].startswith("--- a/"):
            place += 1
            continue
        file = lines[place].removeprefix("--- a/")
        assert lines[place + 1] == f"+++ b/{file}"
        files.append(file)
        place += 2
        old, new, done = texts[file].splitlines(), [], 0
        while place < len(lines) and lines[place].startswith("@@"):
            numbers = [int(one) for one in re.findall(r"\d+", lines[place])]
            start = numbers[0] - (1 if numbers[1] else 0)
            new += old[done:start]
            assert len(new) == numbers[2] - (1 if numbers[3] else 0)
            place, taken, given = place + 1, 0, 0
            done = start
            while taken < numbers[1] or given < numbers[3]:
                mark, line = lines[place][0], lines[place][1:]
                if mark in " -":
                    assert old[done] == line
                    done, taken = done + 1, taken + 1
                if mark in " +":
                    new.append(line)
                    given += 1
                place += 1
        texts[file] = "\n".join([*new, *old[done:]]) + "\n"
    return files


@pytest.mark.parametrize("split", SEED_SPLITS)
def test_the_changes_lead_from_the_last_good_run_to_this_one(split: SeedSplit) -> None:
    for seed in seeds(range(40), quick=10):
        case = _case(seed, split)
        style = draw_style(seed, split)
        texts = {str(file): render(case.before, style) for file, render in RENDERERS.items()}
        files = _apply(render_changes(case), texts)
        assert texts == {str(file): render(case.now, style) for file, render in RENDERERS.items()}
        assert sorted(files) == sorted([*(file_of(path) for path in case.changed), "config.yaml"])


def test_every_commit_of_the_changes_has_author_date_and_a_message_of_its_own_change() -> None:
    for seed in range(20):
        case = _case(seed)
        diff = render_changes(case, PLAIN)
        assert len(re.findall(r"^commit [0-9a-f]{7}$", diff, re.M)) == len(case.changed) + 1
        dates = re.findall(r"^Date:   (\d{4}-\d{2}-\d{2})$", diff, re.M)
        assert dates == sorted(dates)
        assert dates[0] > case.now.layout.months[-1]
        assert len(re.findall(r"^Author: \w+ \w+ <[\w.]+@example\.org>$", diff, re.M)) == len(dates)
        assert re.search(r"^    New seed", diff, re.M)


def _masked(case: Case, file: str, text: str) -> str:
    """Without names, numbers and declared words: what is left is how it is written."""
    layout = case.now.layout
    text = text.replace(layout.dataset, "D")
    names = [*layout.source_names, *layout.column_names, *layout.classes]
    if file.endswith(".py"):
        scheme = SCHEMES[draw_style(case.now.seed, case.now.split)["code.names"]]
        names += scheme.values()
    text = re.sub(rf"\b({'|'.join(sorted(map(re.escape, names), key=len, reverse=True))})\b", "N", text)
    text = re.sub(r"run-\w+", "R", text)
    return re.sub(r"\d+(\.\d+)?", "0", text)


@pytest.mark.parametrize("split", SEED_SPLITS)
def test_texts_vary_as_much_in_every_split(split: SeedSplit) -> None:
    texts: dict[str, set[str]] = {}
    tried = seeds(range(100), quick=20)
    for seed in tried:
        case = draw_case(seed, split, ())
        for file, text in _texts(case).items():
            texts.setdefault(file, set()).add(_masked(case, file, text))
    counts = {file: len(found) for file, found in texts.items() if file != "model_card.json"}
    assert min(counts.values()) >= 0.95 * len(tried), counts


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_held_out_split_has_at_least_twenty_idioms_that_training_never_shows(split: SeedSplit) -> None:
    shown = {name: set(options(name, "train")) for name in IDIOMS}
    own = {(name, one) for name in IDIOMS for one in options(name, split) if one not in shown[name]}
    assert len(own) >= 20
    drawn = {(name, draw_style(seed, split)[name]) for seed in range(200) for name in IDIOMS}
    assert own <= drawn
    trained = {(name, draw_style(seed, "train")[name]) for seed in range(200) for name in IDIOMS}
    assert not own & trained


@pytest.mark.parametrize(("one", "other"), list(combinations(SEED_SPLITS, 2)))
def test_every_seed_of_a_held_out_split_shows_idioms_of_its_own(one: SeedSplit, other: SeedSplit) -> None:
    for seed in range(100):
        style = draw_style(seed, other)
        unknown = [name for name in IDIOMS if style[name] not in options(name, one)]
        assert len(unknown) >= 5


def test_style_does_not_depend_on_what_is_planted() -> None:
    for seed in range(10):
        healthy, planted = draw_case(seed, "train", ()), draw_case(seed, "train", ("group_leakage",))
        assert draw_style(healthy.now.seed, "train") == draw_style(planted.now.seed, "train")


def test_texts_have_no_number_of_more_than_four_digits_but_seeds() -> None:
    for seed in range(20):
        case = _case(seed)
        for file, text in _texts(case).items():
            shown = re.sub(r"run-\w+|model-\w+|seed['\"]?: +\d+|^(commit|From|#|changeset:) .*$", "", text, flags=re.M)
            assert not re.search(r"\d{5}|\d\.\d{4}\d", shown), file


def test_a_model_card_names_classes_sources_and_months() -> None:
    state = _case(2).now
    card = json.loads(render_card(state))
    assert card["classes"] == list(state.layout.classes)
    assert set(card["sources"]) <= set(SOURCES["train"])
    assert card["months"] == {
        "labelled": [state.layout.months[0], state.layout.months[-2]],
        "scored": state.layout.months[-1],
    }


def test_every_declaration_stands_in_one_of_the_texts() -> None:
    state = _case(1).now
    assert {path for path, _ in FREE} <= set(state.declared)
    assert {file_of(path) for path in state.declared} == set(RENDERERS)
