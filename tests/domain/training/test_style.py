"""What the splits of seeds share in names, spellings and themes: nothing."""

from __future__ import annotations

from itertools import combinations

import pytest

from domain.generator import generate
from domain.training.artifacts.code.names import CANONICAL, PUBLIC, SCHEMES, renamed, renamed_constants
from domain.training.style import NAMES, SEED_SPLITS, SPELLINGS, STEPS, SeedSplit, draw_style
from domain.training.themes import THEMES


@pytest.mark.parametrize(("one", "other"), list(combinations(SEED_SPLITS, 2)))
def test_two_splits_share_no_scheme_no_spelling_and_no_theme(one: SeedSplit, other: SeedSplit) -> None:
    assert not set(NAMES[one]) & set(NAMES[other])
    assert not set(SPELLINGS[one]) & set(SPELLINGS[other])
    assert not {theme.dataset for theme in THEMES[one]} & {theme.dataset for theme in THEMES[other]}
    ours = {SCHEMES[scheme][name] for scheme in NAMES[one] for name in PUBLIC}
    theirs = {SCHEMES[scheme][name] for scheme in NAMES[other] for name in PUBLIC}
    assert not ours & theirs


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_scheme_gives_every_name_another_one(scheme: str) -> None:
    assert len(set(SCHEMES[scheme].values())) == len(CANONICAL)


def test_training_seeds_use_every_spelling_of_every_step() -> None:
    styles = [draw_style(seed, "train") for seed in range(100)]
    assert all({style.of(step) for style in styles} == set(SPELLINGS["train"]) for step in STEPS)
    assert {style.names for style in styles} == set(NAMES["train"])


def test_words_in_plain_strings_keep_their_names() -> None:
    assert renamed('df["train"] = train', "terse") == 'd["train"] = train'
    assert renamed('f"{TOKENIZER_TRAIN} train"', "tables") == 'f"{VOCAB_FIT} train"'
    assert renamed_constants("Use CLASSES of the train rows.", "tables") == "Use TARGET_NAMES of the train rows."


@pytest.mark.parametrize("split", SEED_SPLITS)
def test_a_scenario_is_written_in_its_split(split: SeedSplit) -> None:
    scenario = generate("medium", 5, split=split)
    assert scenario.body == generate("medium", 5, split=split).body
    assert scenario.truth.pipeline["style"]["names"] in NAMES[split]
    assert scenario.evidence.run_summary.dataset in {theme.dataset for theme in THEMES[split]}


def test_the_same_seed_in_another_split_is_another_run() -> None:
    assert len({generate("medium", 5, split=split).evidence.run_id for split in SEED_SPLITS}) == 3
