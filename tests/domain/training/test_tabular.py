from __future__ import annotations

import numpy as np
import pytest

from domain.training import tabular
from domain.training.frame import Frame
from domain.training.pipeline import draw_pipeline
from domain.training.raw_data import draw_rows


@pytest.fixture(scope="module")
def rows() -> Frame:
    pipeline = draw_pipeline(5)
    return draw_rows(pipeline.seed, pipeline.dataset)


def test_a_group_split_keeps_every_customer_on_one_side(rows: Frame) -> None:
    rest, held_out = tabular.split_rows(rows, test_size=0.2, groups=rows.customer_id, random_state=1)
    assert not set(rest.customer_id) & set(held_out.customer_id)
    assert sorted([*rest.index, *held_out.index]) == list(range(len(rows)))


def test_a_split_without_groups_tears_customers_apart(rows: Frame) -> None:
    rest, held_out = tabular.split_rows(rows, test_size=0.2, groups=None, random_state=1)
    assert set(rest.customer_id) & set(held_out.customer_id)
    assert len(held_out) == round(0.2 * len(rows))


def test_the_same_random_state_splits_alike_and_none_splits_otherwise(rows: Frame) -> None:
    first, again, fresh = (
        tabular.split_rows(rows, test_size=0.2, groups=rows.customer_id, random_state=state).held_out.index.tolist()
        for state in (1, 1, None)
    )
    assert first == again
    assert set(first) != set(fresh)


def test_resampling_evens_out_the_classes_and_leaves_the_rows_in_their_order(rows: Frame) -> None:
    places = np.arange(len(rows), dtype=np.float64)[:, None]
    taken, labels = tabular.RandomOverSampler(random_state=1).fit_resample(places, rows.label_codes)
    counts = np.bincount(labels)
    assert counts.min() == counts.max() == np.bincount(rows.label_codes).max()
    assert (np.diff(taken[:, 0]) >= 0).all()
    assert np.array_equal(labels, rows.label_codes[taken[:, 0].astype(np.int64)])


def test_a_copied_row_has_an_id_of_its_own_and_keeps_its_customer(rows: Frame) -> None:
    grown = tabular.RandomOverSampler(random_state=1).fit_resample_frame(rows)
    assert len(set(grown.index)) == len(grown) > len(rows)
    customer_of = dict(zip(rows.index, rows.customer_id, strict=True))
    assert [customer_of[row] for row in grown.source] == grown.customer_id.tolist()
    assert set(grown.index) > set(rows.index)


def test_customers_have_irregular_numbers_of_rows() -> None:
    drawn = [draw_pipeline(seed) for seed in range(40)]
    several = [one for one in drawn if one.dataset.rows_per_customer != 1]
    assert 0 < len(drawn) - len(several) < len(drawn) / 2
    counts = np.concatenate([np.bincount(draw_rows(one.seed, one.dataset).customer_id) for one in several])
    assert set(counts) == set(range(1, 9))
    assert counts.mean() == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("order", [None, "row_id", "label"])
def test_rows_arrive_in_the_stated_order_and_splits_keep_it(order: str | None) -> None:
    pipeline = draw_pipeline(5).with_value("dataset.arrival_order", order)
    frame = draw_rows(pipeline.seed, pipeline.dataset)
    rest, held_out = tabular.split_rows(frame, test_size=0.2, groups=None, random_state=1)
    for part in (frame, rest, held_out):
        assert (np.diff(part.index) > 0).all() == (order == "row_id")
        assert (np.diff(part.label_codes) >= 0).all() == (order == "label")


def test_the_scaler_gives_mean_zero_and_deviation_one(rows: Frame) -> None:
    matrix = np.nan_to_num(np.asarray(rows[rows.names[:11]], dtype=np.float64))
    scaled = tabular.StandardScaler().fit_transform(matrix)
    assert np.abs(scaled.mean(0)).max() < 1e-5
    assert np.abs(scaled.std(0) - 1).max() < 1e-5


def test_the_imputer_fills_with_the_lower_median_of_what_is_there() -> None:
    matrix = np.array([[1.0], [np.nan], [5.0], [2.0], [np.nan]])
    filled = tabular.SimpleImputer(strategy="median").fit(matrix).transform(matrix)
    assert filled.ravel().tolist() == [1.0, 2.0, 5.0, 2.0, 2.0]


def test_cross_fitting_does_not_see_the_own_label() -> None:
    segment = np.arange(10)
    labels = np.array([0, 1] * 5)
    encoder = tabular.TargetEncoder(classes=2, levels=10, smooth=0.0).fit(segment, labels)
    assert np.allclose(encoder.transform(segment)[np.arange(10), labels], 1.0)
    crossed = encoder.cross_fit(segment, labels, cv=5, random_state=1)
    assert np.abs(crossed[np.arange(10), labels] - 1.0).min() > 0.1


def test_an_older_tokenizer_counts_newer_words_as_unknown() -> None:
    text = np.array([[0, 11, 12, 23]])
    assert tabular.count_tokens(text, "x-v2")[0, -1] == 0
    assert tabular.count_tokens(text, "x-v1")[0, -1] == 2


def test_selection_keeps_the_columns_that_differ_between_classes() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    matrix = np.zeros((6, 4))
    matrix[:, 2] = labels
    assert tabular.SelectKBest(k=1).fit(matrix, labels).selected_.tolist() == [2]


def test_scoring_breaks_ties_towards_the_lowest_class() -> None:
    class Undecided:
        def logits(self, features: np.ndarray) -> np.ndarray:
            return np.zeros((3, len(features)))

    metrics = tabular.score(Undecided(), np.zeros((4, 2)), np.array([0, 0, 1, 2]))
    assert metrics.accuracy == 0.5
    assert metrics.loss == pytest.approx(np.log(3))
    assert metrics.confusion[:, 0].tolist() == [2, 1, 1]
