"""What a fix in words is read as. The corpus measures how well; this says what the rules are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.fields.field import FieldSpec
from domain.fields.registry import REGISTRY, with_field
from domain.grading.rubric_1.fixes import NO_CHANGE, read_text
from domain.grading.rubric_1.naming import fields_named
from domain.training.pipeline import Pipeline, draw_pipeline
from domain.training.style import STEPS, Style
from tests.profiles import examples

HEALTHY = draw_pipeline(3)
SETTABLE = [spec for spec in REGISTRY if spec.attribute is not None]


def _run(**changes: object) -> Pipeline:
    pipeline = HEALTHY
    for path, value in changes.items():
        pipeline = pipeline.with_value(path.replace("__", "."), value)  # type: ignore[arg-type]
    return pipeline


def _read(text: str, field: str, pipeline: Pipeline) -> object:
    """The value read for the one field; the whole reading where it is something else."""
    reading = read_text(text, fields_named(field), pipeline)
    if len(reading.patch) == 1 and reading.patch[0].field == field:
        return reading.patch[0].value
    if len(reading.direction_hints) == 1 and reading.direction_hints[0][0].field == field:
        return reading.direction_hints[0][1]
    return reading.patch or reading.direction_hints or None


LR, MOMENTUM, BATCH = "optimizer.learning_rate", "optimizer.momentum", "training.batch_size"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Set the learning rate to 0.2.", 0.2),
        ("learning_rate: 0.2", 0.2),
        ("learning_rate=0.2", 0.2),
        ("lr 20 -> 0.2", 0.2),
        ("lr: 20 → 0.2", 0.2),
        ("Lower it from 20 to 0.2", 0.2),
        ("use 0.2 instead of 20", 0.2),
        ("replace 20 by 0.2", 0.2),
        ("sed -i 's/learning_rate: 20/learning_rate: 0.2/' config.yaml", 0.2),
        ("divide it by 100", 0.2),
        ("Cut the LR by 100x", 0.2),
        ("lower lr 100x", 0.2),
        ("Reduce the learning rate 100-fold", 0.2),
        ("Scale the learning rate down 100x", 0.2),
        ("make it 100 times smaller", 0.2),
        ("two orders of magnitude lower", 0.2),
        ("lower it by 99 %", 0.2),
        ("Lower the learning rate, it is far too high", "down"),
        ("Raise the learning rate", "up"),
        ("The learning rate is fine.", None),
        ("Fix the learning rate.", None),
        ("Do not set it to 0.2", None),
        ("divide it by 0", None),
        ("increase by 400 orders of magnitude", 1000.0),
        ("set it to 1e999", None),
    ],
)
def test_a_number_is_read(text: str, value: object) -> None:
    found = _read(text, LR, _run(optimizer__learning_rate=20.0))
    assert found == (pytest.approx(value) if isinstance(value, float) else value) or (value == 1000.0 and found is None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("train on 80%, test on 20%", 0.2),
        ("make the test share 20% and train share 80%", 0.2),
        ("keep 80% for training and hold out 20% for test", 0.2),
        ("Use an 80/20 split", 0.2),
        ("70/15/15", 0.15),
        ("hold out a fifth", 0.2),
        ("split_rows(df, test_size=0.2, groups=df['customer_id'])", 0.2),
    ],
)
@pytest.mark.parametrize("present", [0.65, 0.8])
def test_a_split_is_read_for_every_present_value(text: str, value: float, present: float) -> None:
    pipeline = _run(preprocessing__test_size=present)
    assert _read(text, "train_test_split.test_size", pipeline) == pytest.approx(value)


@pytest.mark.parametrize("text", ["a batch of 64 rows", "reduce batch size to 64 rows", "64", "batch_size 4096 => 64"])
def test_a_batch_size_is_read(text: str) -> None:
    assert _read(text, BATCH, _run(training__batch_size=4096)) == 64


def test_a_value_that_is_only_mentioned_is_not_proposed() -> None:
    assert _read("0.99 is too high; 0.9 is standard", MOMENTUM, _run(optimizer__momentum=0.995)) == 0.9


SCALER = "StandardScaler.fit_transform"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("fit the scaler on train only", "train"),
        ("scaler.fit(train[NUMERIC])", "train"),
        ("everything[NUMERIC] -> train[NUMERIC]", "train"),
        ("Fit on the training rows, never on everything", "train"),
        ("fit on training, validation and test", None),
        ("fit on the training set and the validation set", None),
        ("Fit the scaler on the training data plus the test data", None),
        ("fit on the training split together with the held-out rows", None),
        ("do not fit on the training rows only", None),
        ("leave the scaler as it is", None),
    ],
)
def test_rows_to_fit_on_are_read(text: str, value: str | None) -> None:
    assert _read(text, SCALER, _run(preprocessing__scaler_fit="all")) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("swap val and test back", "validation"),
        ("val_report, test_report = m_val, m_test", "validation"),
        ("exchange the two assignments", "validation"),
        ("val_report, test_report = m_test, m_val", "test"),
        ("swap train and test", None),
        ("swap the class labels", None),
        ("invert the confusion matrix", None),
        ("cross-validate", None),
        ("flip the sign of the gap", None),
        ("switch to accuracy on the test set", None),
    ],
)
def test_an_exchange_is_read(text: str, value: str | None) -> None:
    assert _read(text, "metrics.val_accuracy", _run(evaluation__val_accuracy_from="test")) == value


@pytest.mark.parametrize(
    "text",
    [
        "use the same split for validation and test",
        "use seed=SEED+1",
        "set random_state=42",
        "make training use the same order as evaluation",
    ],
)
def test_what_only_sounds_like_the_same_split_is_not_read_as_it(text: str) -> None:
    assert _read(text, "train_test_split.random_state", _run(preprocessing__eval_random_state="None")) is None


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("It should not exceed 0.3", LR, 0.3),
        ("no more than 0.3, please", LR, 0.3),
        ("divide it by a thousand", LR, 0.0045),
        ("At most 64 rows per batch", BATCH, 64),
        ("Rather than 4096, use sixteen", BATCH, 16),
        ("Use 64 in place of 4096", BATCH, 64),
        ("The batch is at fault: batch_size: 64", BATCH, 64),
        ("it should be taken from the validation score", "metrics.val_accuracy", "validation"),
        ("m_test, m_val -> m_val, m_test", "metrics.val_accuracy", "validation"),
        (
            "Early stopping ought to look at the validation rows rather than at the test rows",
            "evaluate.val_loader",
            "val",
        ),
        ("Sort CLASSES alphabetically", "LabelEncoder.fit_order", "sorted"),
        ("The order has to be NUMERIC", "feature_columns.order", "training"),
        ("It is off on purpose", "training.shuffle", None),
    ],
)
def test_limits_comparisons_and_asides_are_read(text: str, field: str, value: object) -> None:
    run = _run(
        optimizer__learning_rate=4.5,
        training__batch_size=4096,
        training__shuffle=False,
        evaluation__val_accuracy_from="test",
        preprocessing__val_rows="test",
        preprocessing__eval_class_order="reversed",
        preprocessing__eval_column_order="sorted",
    )
    assert _read(text, field, run) == value


def test_of_two_quoted_lines_that_end_alike_the_longer_one_counts() -> None:
    """``val_report, test_report = m_val, m_test`` holds the line ``test_report = m_val`` of another way to write it."""
    run = _run(evaluation__val_accuracy_from="test")
    for spelling in "01":
        styled = replace(run, style=Style(spellings="".join(spelling if step == "reports" else "0" for step in STEPS)))
        assert _read("val_report, test_report = m_val, m_test", "metrics.val_accuracy", styled) == "validation"


def test_a_list_of_every_repair_reads_as_nothing() -> None:
    text = "Set momentum to 0.9. Set learning_rate to 0.2. Set batch_size to 64."
    for change in ({"optimizer__momentum": 0.999}, {"optimizer__learning_rate": 20.0}, {"training__batch_size": 4096}):
        assert read_text(text, (), _run(**change)) == NO_CHANGE


def test_an_unneeded_second_change_stays_in_the_patch() -> None:
    reading = read_text("Set momentum to 0.9. Set epochs to 12.", (), _run(optimizer__momentum=0.999))
    assert {entry.field for entry in reading.patch} == {MOMENTUM, "training.epochs"}


def test_a_text_of_very_many_clauses_reads_as_nothing() -> None:
    assert read_text("lr=1\n" * 120, (), HEALTHY) == NO_CHANGE


WORDS = st.sampled_from(
    "set reduce lower divide by a factor of 0 1e999 1e-320 400 orders magnitude 100x percent % to from -> = : . , ; not and but "
    "instead swap val test train only lr momentum batch_size test_size scaler seed SEED CLASSES ( ) [ ] 1/0 half \n".split(
        " "
    )
)


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(WORDS, max_size=60), st.sampled_from(SETTABLE))
def test_no_text_breaks_the_reader(words: list[str], spec: FieldSpec) -> None:
    read_text(" ".join(words), (spec,), HEALTHY)


@settings(max_examples=examples(200), deadline=None)
@given(st.text(max_size=600), st.sampled_from(SETTABLE))
def test_no_characters_break_the_reader(text: str, spec: FieldSpec) -> None:
    read_text(text, (spec,), HEALTHY)


@pytest.mark.parametrize("spec", SETTABLE, ids=lambda spec: spec.field)
def test_a_plain_assignment_is_read_for_every_field(spec: FieldSpec) -> None:
    """The reader knows the whole registry, not only what can be planted."""
    assert spec.attribute is not None
    present = spec.from_pipeline(HEALTHY.value(spec.attribute))
    wanted: object = next((choice for choice in spec.choices if choice != present), None)
    if spec.type == "boolean" or wanted == "keep":
        return  # read from words such as "enable"; to "keep" something is no change
    if spec.type in ("number", "integer"):
        wanted = 3 if spec.type == "integer" else 0.25
    faulty = with_field(HEALTHY, spec.file, spec.field, present)
    assert _read(f"Set {spec.field} to {wanted}", spec.field, faulty) == wanted
