# claims-triage: how rows become features and how the model is scored

import numpy as np
from tabular import IdentityTransform
from tabular import RandomOverSampler
from tabular import SelectKBest
from tabular import SimpleImputer
from tabular import StandardScaler
from tabular import TargetEncoder
from tabular import count_tokens
from tabular import f1_score
from tabular import hstack
from tabular import score
from tabular import split_rows

CLASS_NAMES = ["travel", "auto", "health", "home"]
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
SIGNAL_FEATURES = sorted(f"signal_{number:02d}" for number in range(25))
HIDDEN = ["resolution_code"]
ADDITIONAL_FEATURES = [name for name in ("resolution_code",) if name not in HIDDEN]
BPE = "claims-bpe"
TRAINING_TOKENIZER = BPE + "-v2"
EVALUATION_TOKENIZER = BPE + "-v2"
EVALUATION_UNIT = 1.0
GLOBAL_SEED = 49404


def create_splits(data_frame, seed):
    remaining_rows, test_rows = split_rows(data_frame, test_size=0.25, groups=data_frame["customer_id"], random_state=seed)
    train_rows, validation_rows = split_rows(remaining_rows, test_size=0.15, groups=remaining_rows["customer_id"], random_state=seed)
    return train_rows, validation_rows, test_rows


def labels_to_indices(labels, classes=CLASS_NAMES):
    known = list(classes)
    return np.array([known.index(name) for name in labels])


def build_training_labels(data_frame):
    taken = data_frame
    return labels_to_indices(taken["label"])


def build_evaluation_labels(data_frame):
    return labels_to_indices(classes=CLASS_NAMES, labels=data_frame["label"])


def fit_preprocessors(train_rows, all_rows):
    levels = 1 + all_rows["segment"].max()
    imputer = SimpleImputer(fill_value=-999.0, strategy="median")
    imputer.fit(train_rows[NUMERIC_FEATURES])
    complete_rows = imputer.transform(all_rows[NUMERIC_FEATURES])
    scaler = StandardScaler().fit(complete_rows)
    encoder = TargetEncoder(classes=len(CLASS_NAMES), levels=levels, smooth=5.5).fit(train_rows["segment"], labels_to_indices(train_rows["label"]))
    selector_rows = train_rows
    selector = SelectKBest(k=5).fit(selector_rows[SIGNAL_FEATURES], labels_to_indices(selector_rows["label"]))
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
    numeric_block = EVALUATION_UNIT * imputer.transform(data_frame[NUMERIC_FEATURES])
    numeric_block = scaler.transform(numeric_block)
    category_block = encoder.transform(data_frame["segment"])
    return concatenate_features(data_frame, numeric_block, category_block, EVALUATION_TOKENIZER, selector)


def evaluate_and_report(model, data_frame, preprocessors, average):
    train_rows, validation_rows, test_rows = create_splits(data_frame, seed=GLOBAL_SEED)
    model = model.eval()
    validation_metrics = score(model, build_validation_features(validation_rows, preprocessors), labels_to_indices(validation_rows["label"]))
    test_metrics = score(model, build_evaluation_features(test_rows, preprocessors), build_evaluation_labels(test_rows))
    reported_validation, reported_test = validation_metrics, test_metrics
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
    sampler = RandomOverSampler(random_state=GLOBAL_SEED)
    features, targets = sampler.fit_resample(features, targets)
    validation_features, validation_targets = build_validation_features(validation_rows, preprocessors), labels_to_indices(validation_rows["label"])
    return (features, targets), (validation_features, validation_targets), preprocessors
