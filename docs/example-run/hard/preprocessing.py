"""clinic-visits: splits, preparation and evaluation.

Changelogs of the libraries:
- tabular 2.4: standard_scaler() clips scaled values at 1.1 standard deviations unless clip=None is given; older versions do not clip
- textkit 1.9: vocabulary() keeps only the 4 most frequent words unless keep=None is given; older versions keep all
- tabular 2.1: read_sources() reads a date that its date_format does not fit with day and month exchanged; older versions stop
"""

import tabular
import textkit

SETTINGS = {
    "split": {
        "groups": "customer",
        "by": "month",
    },
    "evaluation": {
        "label_order": "reversed",
        "sources": "all",
        "validation_ids": "b",
    },
}
AS_OF = {
    "body_mass": "event",
    "covered_share": "export",
    "fee": "event",
    "waiting_time": "export",
    "body_height": "event",
    "travel": "export",
    "file_size": "export",
    "consultation": "export",
}
FEATURES = {
    "text_weight": 0.7,
}


def split_of(source_rows, settings_of_run) -> dict:
    return tabular.split(
        source_rows,
        groups=SETTINGS["split"]["groups"],
        by=SETTINGS["split"]["by"],
        validation_share=settings_of_run["split"]["validation_share"],
        test_share=settings_of_run["split"]["test_share"],
        seed=settings_of_run["training"]["seed"],
    )


def fit_preparation(one_set) -> tuple:
    value_scaler = tabular.standard_scaler()
    chosen_columns = tabular.features(
        **FEATURES,
        as_of={column: AS_OF[column] for column in AS_OF},
    )
    text_vocabulary = textkit.vocabulary()
    value_imputer = tabular.imputer(fill=-999)
    scaled_numbers = chosen_columns.numbers(one_set)
    value_imputer.fit(scaled_numbers)
    value_scaler.fit(value_imputer.transform(scaled_numbers))
    text_vocabulary.fit(chosen_columns.tokens(one_set))
    return chosen_columns, value_imputer, value_scaler, text_vocabulary


def inputs_of(one_set, chosen_columns, value_imputer, value_scaler, text_vocabulary):
    scaled_numbers = value_scaler.transform(value_imputer.transform(chosen_columns.numbers(one_set)))
    token_counts = text_vocabulary.count(chosen_columns.tokens(one_set))
    return chosen_columns.join(scaled_numbers, token_counts)


def prepare_inputs(settings_of_run: dict) -> tuple:
    source_rows = tabular.read_sources("data_sources.yaml")
    split_rows_by_name = split_of(source_rows, settings_of_run)
    fitted = fit_preparation(split_rows_by_name["train"])
    prepared_inputs = {name_of_set: inputs_of(one_set, *fitted) for name_of_set, one_set in split_rows_by_name.items()}
    return split_rows_by_name, prepared_inputs


def evaluate_run(trained_network, split_rows_by_name, prepared_inputs) -> dict:
    final_report = tabular.evaluation(
        label_order=SETTINGS["evaluation"]["label_order"],
        sources=SETTINGS["evaluation"]["sources"],
        validation_ids=SETTINGS["evaluation"]["validation_ids"],
    )
    return final_report.score(trained_network, split_rows_by_name, prepared_inputs)
