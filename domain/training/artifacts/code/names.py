"""Naming schemes of preprocessing.py: what each constant, function and variable is called."""

from __future__ import annotations

import re

CANONICAL = (
    # constants
    "CLASSES", "NUMERIC", "SIGNALS", "EXTRA", "TOKENIZER_TRAIN", "TOKENIZER_EVAL", "EVAL_UNIT", "SEED",
    # functions
    "make_split", "fit_transforms", "encode_labels", "assemble", "train_features", "val_features", "eval_features",
    "train_labels", "eval_labels", "make_loaders", "run_evaluation",
    # variables
    "df", "everything", "rest", "train", "val", "test", "fitted", "num", "cat", "txt",
    "X", "y", "X_val", "y_val", "m_val", "m_test", "val_report", "test_report",
)  # fmt: skip
PUBLIC = CANONICAL[: CANONICAL.index("df")]
"""Constants and functions: the names that fixes in words use."""

_SCHEMES = {
    "explicit": """LABELS NUMERIC_COLUMNS SIGNAL_COLUMNS EXTRA_COLUMNS TRAIN_TOKENIZER EVAL_TOKENIZER UNIT_FACTOR RANDOM_SEED
        split_data fit_steps to_codes join_blocks features_for_training features_for_validation features_for_evaluation
        labels_for_training labels_for_evaluation build_loaders evaluate_model
        frame full remaining train_df val_df test_df steps numbers segments words
        X_train y_train X_valid y_valid val_scores test_scores val_result test_result""",
    "terse": """CLS NUM SIG XTRA TOK_TRAIN TOK_EVAL EVAL_K RNG_SEED
        cut_rows fit_all enc stack_up feats_train feats_val feats_eval y_fit y_final feed score_net
        d pool left train va te ft n c t
        A b A_val b_val s_val s_test r_val r_test""",
    "verbose": """CLASS_NAMES NUMERIC_FEATURES SIGNAL_FEATURES ADDITIONAL_FEATURES TRAINING_TOKENIZER EVALUATION_TOKENIZER
        EVALUATION_UNIT GLOBAL_SEED
        create_splits fit_preprocessors labels_to_indices concatenate_features build_training_features
        build_validation_features build_evaluation_features build_training_labels build_evaluation_labels
        create_data_loaders evaluate_and_report
        data_frame all_rows remaining_rows train_rows validation_rows test_rows preprocessors numeric_block category_block
        text_block features targets validation_features validation_targets validation_metrics test_metrics
        reported_validation reported_test""",
    "tables": """TARGET_NAMES MEASURES WEAK_MEASURES LATE_COLUMNS VOCAB_FIT VOCAB_SERVE SERVE_FACTOR STATE
        divide learn_parameters index_targets combine design_fit design_watch design_serve target_fit target_serve
        prepare_data score_run
        table complete remainder train_part watch_part test_part learned measured grouped counted
        M v M_watch v_watch q_watch q_test out_watch out_test""",
    "stages": """OUTCOMES INPUTS_NUM INPUTS_SIG INPUTS_OPT LEXICON_A LEXICON_B CONVERSION BASE_STATE
        stage_split stage_fit stage_encode stage_merge stage_inputs_train stage_inputs_val stage_inputs_final
        stage_outcomes_train stage_outcomes_final stage_load stage_report
        src total carry part_train part_val part_test params z_num z_cat z_txt
        P q P_val q_val e_val e_test f_val f_test""",
    "ledger": """CATEGORY_LIST AMOUNTS INDICATORS OPTIONAL_ENTRIES READER_FIT READER_FINAL FINAL_RATIO REPRO_KEY
        allocate_entries estimate_steps number_categories bind_columns entries_for_fit entries_for_check entries_for_final
        answers_for_fit answers_for_final open_books close_books
        book whole_book balance train_entries check_entries test_entries estimates amounts kinds phrases
        E a E_check a_check t_check t_final o_check o_final""",
    "records": """KINDS QUANTITIES HINTS EXTRA_HINTS PARSER_ONE PARSER_TWO QUANTITY_RATIO DRAW_KEY
        deal_records tune_parts kind_numbers glue inputs_one inputs_two inputs_three answers_one answers_three
        serve_batches judge_model
        records all_records others train_records tune_records test_records parts q_block k_block p_block
        R k R_tune k_tune g_tune g_test d_tune d_test""",
}  # fmt: skip
SCHEMES: dict[str, dict[str, str]] = {
    "plain": {name: name for name in CANONICAL},
    **{scheme: dict(zip(CANONICAL, names.split(), strict=True)) for scheme, names in _SCHEMES.items()},
}

_TOKEN = re.compile(r"""(?P<string>f?"[^"]*")|(?P<name>(?<![\w.])[A-Za-z_]\w*)""")
_BRACED = re.compile(r"\{([A-Za-z_]\w*)")


def renamed(text: str, scheme: str) -> str:
    """Code or a sentence in canonical names, in those of a scheme. Words inside plain strings stay as they are."""
    names = SCHEMES[scheme]

    def replace(found: re.Match[str]) -> str:
        string = found["string"]
        if string is None:
            return names.get(found["name"], found["name"])
        if string.startswith("f"):
            return _BRACED.sub(lambda inner: "{" + names.get(inner[1], inner[1]), string)
        return string

    return _TOKEN.sub(replace, text)


def renamed_constants(sentence: str, scheme: str) -> str:
    """A sentence with the public names of a scheme instead of the canonical ones."""
    names = SCHEMES[scheme]
    return re.sub(
        r"(?<![\w.])[A-Za-z_]\w*",
        lambda found: names[found[0]] if found[0] in PUBLIC and (found[0].isupper() or "_" in found[0]) else found[0],
        sentence,
    )


def public_names(canonical: str) -> tuple[str, ...]:
    """What a constant or function is called in any scheme, the canonical name first."""
    return tuple(dict.fromkeys(names[canonical] for names in SCHEMES.values()))
