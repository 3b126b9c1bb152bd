from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.training.randomness import Stream, to_float32_grid

SEEDS = st.integers(0, 2**128 - 1)


@given(SEEDS, st.integers(1, 50))
def test_a_stream_gives_the_same_numbers_again(seed: int, count: int) -> None:
    assert np.array_equal(Stream(seed, "rows").uniform(count), Stream(seed, "rows").uniform(count))


@given(SEEDS)
def test_streams_of_other_names_are_other_numbers(seed: int) -> None:
    assert not np.array_equal(Stream(seed, "rows").raw(4), Stream(seed, "world").raw(4))


@given(SEEDS, st.integers(1, 1000), st.integers(1, 200))
def test_integers_stay_below_their_bound(seed: int, bound: int, count: int) -> None:
    drawn = Stream(seed, "x").below(bound, count)
    assert drawn.min() >= 0 and drawn.max() < bound


@given(SEEDS, st.integers(0, 300))
def test_a_permutation_holds_every_place_once(seed: int, count: int) -> None:
    assert sorted(Stream(seed, "x").permutation(count).tolist()) == list(range(count))


def test_normal_draws_have_mean_zero_and_deviation_one() -> None:
    drawn = Stream(3, "x").normal(100_000)
    assert abs(drawn.mean()) < 0.01
    assert abs(drawn.std() - 1.0) < 0.01
    assert np.abs(drawn).max() < 3.47


def test_the_first_words_of_a_stream_are_known() -> None:
    assert Stream(7, "rows").raw(2).tolist() == [KNOWN_FIRST, KNOWN_SECOND]


def test_the_barrier_is_idempotent() -> None:
    values = Stream(1, "x").normal(100) * 1e3
    once = to_float32_grid(values)
    assert np.array_equal(once, to_float32_grid(once))


KNOWN_FIRST, KNOWN_SECOND = 2015061867761827563, 2431965679704887725


@given(SEEDS, st.floats(0.001, 10.0), st.floats(1.0, 1e6))
def test_numbers_between_two_lie_between_them(seed: int, low: float, factor: float) -> None:
    high = low * factor
    assert low <= Stream(seed, "x").between(low, high) <= high
    assert low <= Stream(seed, "x").log_between(low, high) <= high * (1 + 1e-12)


def test_logarithms_are_drawn_evenly() -> None:
    drawn = np.log10([Stream(seed, "x").log_between(1e-3, 10.0) for seed in range(2_000)])
    shares = np.histogram(drawn, bins=4, range=(-3, 1))[0] / 2_000
    assert np.abs(shares - 0.25).max() < 0.03


def test_draws_are_true_as_often_as_asked() -> None:
    assert abs(Stream(5, "x").at_least(0.3, 100_001).mean() - 0.7) < 0.01
    assert Stream(5, "x").at_least(0.0, 9).all()
    assert abs(np.mean([Stream(seed, "x").happens(0.2) for seed in range(2_000)]) - 0.2) < 0.03


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**32, 2**64 + 5, 2**128 - 1])
def test_a_stream_is_that_of_the_seed_sequence_of_seed_and_name(seed: int) -> None:
    expected = np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(b"stage")])).random_raw(5)
    assert Stream(seed, "stage").raw(5).tolist() == expected.tolist()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 64, 65, 1000])
def test_a_permutation_is_the_stable_order_of_the_raw_words(count: int) -> None:
    expected = np.argsort(Stream(3, "order").raw(count), kind="stable")
    assert Stream(3, "order").permutation(count).tolist() == expected.tolist()


def test_words_that_differ_in_their_last_bits_only_are_ordered_by_them(monkeypatch: pytest.MonkeyPatch) -> None:
    words = np.array([7, 5, 2**40, 5, 6, 0], dtype=np.uint64)
    monkeypatch.setattr(Stream, "raw", lambda self, count: words[:count].copy())
    assert Stream(1, "order").permutation(6).tolist() == [5, 1, 3, 4, 0, 2]


def test_a_normal_number_is_the_sum_of_the_four_chunks_of_a_word() -> None:
    words = Stream(9, "numbers").raw(500).tolist()
    sums = [sum(word >> bits & 0xFFFF for bits in (0, 16, 32, 48)) for word in words]
    expected = [(total - 131070.0) * (1.0 / 37837.0) for total in sums]
    assert Stream(9, "numbers").normal(500).tolist() == expected
