"""claims-triage: features, splits and evaluation."""

import numpy as np
from tabular import IdentityTransform, RandomOverSampler, SelectKBest, SimpleImputer, StandardScaler
from tabular import TargetEncoder, count_tokens, f1_score, hstack, score, split_rows

CLASS_NAMES = ["home", "auto", "health"]
NUMERIC_FEATURES = [
    "premium",
    "claim_amount",
    "tenure_months",
    "deductible",
    "witness_distance_m",
    "report_delay_hours",
    "claims_per_decade",
    "insured_value",
    "photo_quality",
    "distance_km",
    "age_years",
]
SIGNAL_FEATURES = sorted(f"signal_{number:02d}" for number in range(28))
USED = {"resolution_code": False}
ADDITIONAL_FEATURES = [name for name in USED if USED[name]]
BPE = "claims-bpe"
TRAINING_TOKENIZER = BPE + "-v2"
EVALUATION_TOKENIZER = BPE + "-v2"
EVALUATION_UNIT = 1.0
GLOBAL_SEED = 84127


def evaluate_and_report(model, data_frame, preprocessors, average):
    train_rows, validation_rows, test_rows = create_splits(data_frame, seed=None)
    set_mode = model.eval
    set_mode()
    validation_metrics = score(model, build_validation_features(validation_rows, preprocessors), labels_to_indices(validation_rows["label"]))
    inputs, answers = build_evaluation_features(test_rows, preprocessors), build_evaluation_labels(test_rows)
    test_metrics = score(model, inputs, answers)
    reports = [validation_metrics, test_metrics]
    reported_validation, reported_test = reports
    return {
        "val_loss": reported_validation.loss,
        "val_accuracy": reported_validation.accuracy,
        "test_loss": reported_test.loss,
        "test_accuracy": reported_test.accuracy,
        "test_f1": f1_score(reported_test.confusion, average=average),
        "rows_scored": {"val": reported_validation.rows, "test": reported_test.rows},
        "test_confusion": reported_test.confusion,
    }


def create_data_loaders(data_frame):
    train_rows, validation_rows, test_rows = create_splits(data_frame, seed=GLOBAL_SEED)
    preprocessors = fit_preprocessors(train_rows, data_frame)
    features, targets = build_training_features(train_rows, preprocessors), build_training_labels(train_rows)
    features, targets = RandomOverSampler(random_state=GLOBAL_SEED).fit_resample(features, targets)
    watched = validation_rows
    validation_features, validation_targets = build_validation_features(watched, preprocessors), labels_to_indices(watched["label"])
    return (features, targets), (validation_features, validation_targets), preprocessors


def create_splits(data_frame, seed):
    def unit(rows):
        return rows["customer_id"]

    remaining_rows, test_rows = split_rows(data_frame, random_state=seed, test_size=0.14, groups=unit(data_frame))
    train_rows, validation_rows = split_rows(remaining_rows, random_state=seed, test_size=0.29, groups=unit(remaining_rows))
    return train_rows, validation_rows, test_rows


def fit_preprocessors(train_rows, all_rows):
    levels = 1 + all_rows["segment"].max()
    imputer = SimpleImputer(fill_value=-999.0, strategy="mean")
    imputer.fit(train_rows[NUMERIC_FEATURES])
    scaler = StandardScaler()
    scaler.fit(imputer.transform(train_rows[NUMERIC_FEATURES]))
    encoder_rows = train_rows
    encoder = TargetEncoder(classes=len(CLASS_NAMES), levels=levels, smooth=4.1).fit(encoder_rows["segment"], labels_to_indices(encoder_rows["label"]))
    selector = SelectKBest(k=7).fit(train_rows[SIGNAL_FEATURES], labels_to_indices(train_rows["label"]))
    return imputer, scaler, encoder, selector


def concatenate_features(data_frame, numeric_block, category_block, tokenizer, selector):
    text_block = count_tokens(data_frame["text"], tokenizer)
    return hstack([numeric_block, 3.0 * category_block, 0.7 * text_block, selector.transform(data_frame[SIGNAL_FEATURES]), data_frame[ADDITIONAL_FEATURES]])


def build_training_features(data_frame, preprocessors):
    imputer, scaler, encoder, selector = preprocessors
    numeric_block = scaler.transform(imputer.transform(data_frame[NUMERIC_FEATURES]))
    category_block = encoder.cross_fit(data_frame["segment"], labels_to_indices(data_frame["label"]), cv=5, random_state=GLOBAL_SEED)
    return concatenate_features(data_frame, numeric_block, category_block, TRAINING_TOKENIZER, selector)


def build_validation_features(data_frame, preprocessors):
    imputer, scaler, encoder, selector = preprocessors
    numeric_block = scaler.transform(imputer.transform(data_frame[NUMERIC_FEATURES]))
    category_block = encoder.transform(data_frame["segment"])
    return concatenate_features(data_frame, numeric_block, category_block, TRAINING_TOKENIZER, selector)


def build_evaluation_features(data_frame, preprocessors):
    imputer, scaler, encoder, selector = preprocessors
    columns = list(NUMERIC_FEATURES)
    numeric_block = imputer.transform(data_frame[columns])
    numeric_block = scaler.transform(EVALUATION_UNIT * numeric_block)
    category_block = encoder.transform(data_frame["segment"])
    return concatenate_features(data_frame, numeric_block, category_block, EVALUATION_TOKENIZER, selector)


def labels_to_indices(labels, classes=CLASS_NAMES):
    index = {name: code for code, name in enumerate(classes)}
    return np.array([index[name] for name in labels])


def build_training_labels(data_frame):
    taken = data_frame
    return labels_to_indices(taken["label"])


def build_evaluation_labels(data_frame):
    listed = CLASS_NAMES
    return labels_to_indices(data_frame["label"], listed)
