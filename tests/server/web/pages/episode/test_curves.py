"""Parsing the curves from a log."""

from __future__ import annotations

from domain.generator import generate
from server.web.pages.episode.curves import SERIES, parse_curves
from tests.hand_made import LOG


def test_epochs_are_read_and_what_is_missing_is_null() -> None:
    curves = parse_curves(LOG.splitlines())
    assert curves["epoch"] == [1, 2, 10]
    assert curves["train_loss"] == [1.2, 0.8, 0.4]
    assert curves["val_acc"] == [0.5, 0.6, 0.7]
    assert curves["val_loss"] == [None, None, None]


def test_what_is_not_finite_is_null() -> None:
    assert parse_curves(["[EPOCH 01] train_loss=nan val_loss=inf"])["train_loss"] == [None]


def test_a_generated_log_gives_all_four_series() -> None:
    curves = parse_curves(generate("medium", 7).evidence.artifacts["train.log"].splitlines())
    assert len(curves["epoch"]) >= 3
    assert all(len(series) == len(curves["epoch"]) and None not in series for series in curves.values())


def test_a_log_of_several_sources_gives_all_four_series_and_no_part_of_an_epoch() -> None:
    scenario = generate("hard", 7)
    curves = parse_curves(scenario.evidence.artifacts["train.log"].splitlines())
    assert curves["epoch"] == list(range(1, len(curves["epoch"]) + 1))
    assert len(curves["epoch"]) == scenario.truth.pipeline["declared"]["training.epochs"]
    assert all(None not in curves[name] for name in SERIES)
