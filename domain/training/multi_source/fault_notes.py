"""What each broken agreement is, where the same words are harmless, what shows it, and where it was observed. For readers."""

from __future__ import annotations

from typing import NamedTuple


class FaultNote(NamedTuple):
    """One fault in words."""

    summary: str
    look_alike: str
    """The harmless world in which the declarations read the same."""
    shows_in: str
    """Which measurements differ from those of the look-alike."""
    sources: tuple[str, ...]
    """Where faults of this kind were observed."""


_BRECK = "Breck et al., Data Validation for Machine Learning, MLSys 2019"
_RULES = "Google, Rules of Machine Learning, 29 to 37: training-serving skew"
_KAPOOR = "Kapoor and Narayanan, Leakage and the reproducibility crisis in machine-learning-based science, 2023"
_SCULLEY = "Sculley et al., Hidden Technical Debt in Machine Learning Systems, NeurIPS 2015"
_KAUFMAN = "Kaufman et al., Leakage in Data Mining, KDD 2011"

NOTES: dict[str, FaultNote] = {
    "source_unit_changed": FaultNote(
        "One column of one source is measured in another unit than declared, always or from a month on.",
        "The source measures in the declared unit.",
        "mean and spread of the column by source and month, divided by the declared unit",
        (_BRECK, "Mars Climate Orbiter mishap report, 1999"),
    ),
    "undeclared_missing_code": FaultNote(
        "A source writes a code for missing values that is not declared, and it is read as a number.",
        "No such code occurs, or it is the declared one.",
        "minimum, maximum and most frequent value of the column by source",
        (_BRECK, "Pima diabetes data: zeros for missing values"),
    ),
    "frozen_column": FaultNote(
        "A column of one source repeats its last value from a month on and is used all the same.",
        "The column moves in every month that is used.",
        "spread and share of the most frequent value by month",
        (_SCULLEY, _BRECK),
    ),
    "exchanged_label_codes": FaultNote(
        "One source numbers two classes the other way round than the label map that is declared for it.",
        "The source numbers its classes as that map does.",
        "labels of the source against the class that its features resemble; outcomes of the last month",
        ("Northcutt et al., Pervasive Label Errors in Test Sets Destabilize Machine Learning Benchmarks, 2021",),
    ),
    "random_labels_from_source": FaultNote(
        "From a month on the labels of one source have nothing to do with its rows, and are used.",
        "The labels of the source are as good as before.",
        "agreement of labels and features by source and month",
        ("Northcutt et al., Confident Learning: Estimating Uncertainty in Dataset Labels, 2021",),
    ),
    "row_multiplying_join": FaultNote(
        "The joined table has several lines an id; joining by id alone repeats rows.",
        "The joined table has one line an id.",
        "repeated rows within and between sets, in all sources",
        ("pandas pull request 16275: `validate` of merge", "open-grid-emissions issue 148"),
    ),
    "class_dropping_join": FaultNote(
        "The joined table lacks rows of one class, and an inner join drops them.",
        "The joined table is complete.",
        "class shares of the labelled rows against those of the last month",
        (_KAPOOR,),
    ),
    "stale_snapshot": FaultNote(
        "The joined columns of one source end earlier than the declared snapshot; later rows have them empty.",
        "The snapshot is as recent as declared.",
        "share of missing values of the joined columns by month",
        (_SCULLEY,),
    ),
    "day_month_exchanged": FaultNote(
        "The dates of one source are read with day and month exchanged, where that is possible.",
        "The source writes its dates in the declared order.",
        "rows of the source dated outside the window",
        ("pandas issues 3341 and 12585",),
    ),
    "evaluation_rows_in_training": FaultNote(
        "A source sends rows of the evaluation months again with earlier dates, and they are not removed.",
        "The source sends every row once.",
        "rows with equal content in training and test, in one source",
        (_KAPOOR, "Barz and Denzler, Do we train on test data?, 2020"),
    ),
    "undeclared_thinning": FaultNote(
        "A source keeps another share of the most frequent class than declared, so that its rows weigh wrongly.",
        "The source keeps the declared share.",
        "class shares of the source against its last month",
        ("Dal Pozzolo et al., Calibrating Probability with Undersampling, 2015",),
    ),
    "tokenizer_version_drift": FaultNote(
        "The texts of one source are tokenised with another version than declared.",
        "They are tokenised with the declared version.",
        "token shares of the source against those of the others",
        ("bert_score issue 81", "OpenNMT Tokenizer issue 274", "model2vec pull request 359"),
    ),
    "immature_labels": FaultNote(
        "Labels are joined before they are complete: in the last months many rows still carry the first class.",
        "Labels are complete when they are joined.",
        "share of the first class by month",
        ("Chapelle, Modeling Delayed Feedback in Display Advertising, KDD 2014",),
    ),
    "feature_updated_after_outcome": FaultNote(
        "A column is taken as of the export, and is written again once the outcome is known.",
        "The column is never written again.",
        "class means of the column in the labelled months against the last month",
        (_KAUFMAN, _KAPOOR),
    ),
    "random_split_of_drift": FaultNote(
        "Rows are split at random although what makes a class changes over time.",
        "Rows of all months are exchangeable.",
        "movement of the class means between early and late months; accuracy in the last month",
        (_KAPOOR, "Gama et al., A survey on concept drift adaptation, 2014"),
    ),
    "group_leakage": FaultNote(
        "Customers with many alike rows are split over training and test.",
        "Every customer has one row.",
        "rows a customer, customers shared between the sets",
        ("Kapoor and Narayanan, arXiv 2207.07048: L3.2, dependence between training and test",),
    ),
    "sentinel_impute": FaultNote(
        "Many missing values are filled with a number far outside of the column.",
        "Hardly any value is missing.",
        "share of filled values, largest distances after scaling",
        ("Humbatova et al., arXiv 1910.11015: missing preprocessing",),
    ),
    "label_encoder_mismatch": FaultNote(
        "The evaluation numbers the classes in another order than the file of the test's labels.",
        "The file is in the declared order.",
        "confusion of the test: accurate under another order of the classes",
        ("TextAttack issue 684", "nn_pruning issue 32", "transformers issue 12822"),
    ),
    "silent_metric_swap": FaultNote(
        "The lists of validation and test rows are exchanged in the evaluation.",
        "The declared list holds the validation rows.",
        "accuracy of the results against that of the log; rows scored against rows of the sets",
        ("HPOBench pull request 182", "XPert issue 6", "torchbearer issue 548", "ETM issue 26"),
    ),
    "test_from_one_source": FaultNote(
        "The test is scored on one source although the model serves another one, or all of them.",
        "Only that source is served.",
        "sources of the rows that were scored after the training: few where a source is only tried out",
        ("Recht et al., Do ImageNet classifiers generalize to ImageNet?, 2019",),
    ),
    "shuffle_off_sorted": FaultNote(
        "Rows are not shuffled and arrive sorted by class.",
        "Rows arrive in random order.",
        "label entropy of the batches, loss within an epoch",
        ("Humbatova et al., arXiv 1910.11015: wrong position of data shuffle",),
    ),
    "class_weight_order": FaultNote(
        "The file of class counts is read in another order of the classes than it was written in.",
        "It was written in the declared order.",
        "mean weight of each class against its share",
        ("skranger pull request 96",),
    ),
    "loss_over_padding": FaultNote(
        "The loss is divided by the capacity of a batch of which much is padding, which slows the training down.",
        "Batches are full.",
        "loss of the first batch against that of a uniform guess",
        ("transformers pull request 34191", "torchtune pull request 1875"),
    ),
    "scaler_default_changed": FaultNote(
        "A newer library leaves near-constant columns out by default, where the few other values of one tell the classes apart.",
        "The other values of a near-constant column hardly tell anything.",
        "association of a column with the classes that has one value in most rows",
        (_SCULLEY,),
    ),
    "vocabulary_default_changed": FaultNote(
        "A newer library leaves stop words out by default, where the classes show in the most frequent words.",
        "The classes show in other words only.",
        "association of frequent and of other words with the classes",
        (_RULES,),
    ),
}
"""By fault."""
