"""Puts a Python file together: imports, constants, functions; names of a scheme, functions of the libraries as imported."""

from __future__ import annotations

import re
from typing import Mapping

from domain.training.multi_source.artifacts.calls import Parts, literal
from domain.training.multi_source.artifacts.style import Style

_MARK = re.compile(r"<(?:(tabular|textkit)\.)?([a-z_]+)>")
_WORDS = (
    "rows parts part columns filler scaler words inputs numbers counts network report config epoch batch labels weights "
    "logits value gradients accuracy best kept batches optimizer criterion balance limit name results trainer prepare "
    "evaluate to_inputs fit_on"
)
_SCHEMES: Mapping[str, str] = {
    "plain": (
        "rows parts part columns filler scaler words inputs numbers counts network report config epoch x labels weights "
        "logits value gradients accuracy best kept batches optimizer criterion balance limit name results trainer prepare "
        "evaluate to_inputs fit_on"
    ),
    "explicit": (
        "all_rows rows_by_set set_rows feature_columns missing_filler feature_scaler word_list feature_matrices numeric "
        "word_counts classifier evaluator run_config epoch_number batch_inputs batch_labels batch_weights outputs batch_loss "
        "gradient_list val_accuracy best_accuracy best_network train_batches sgd_optimizer loss_function weight_by_class "
        "clip_limit set_name scores run_trainer prepare_data evaluate_network matrix_of fit_transforms"
    ),
    "terse": (
        "df sets s cols imp sc voc xs num cnt net ev cfg ep xb yb wb out l g acc top keep dl opt crit cw lim k res tr prep "
        "score_net to_x fit_all"
    ),
    "verbose": (
        "source_rows split_rows_by_name one_set chosen_columns value_imputer value_scaler text_vocabulary prepared_inputs "
        "scaled_numbers token_counts trained_network final_report settings_of_run current_epoch input_batch label_batch "
        "weight_batch network_outputs weighted_loss parameter_gradients validation_accuracy highest_accuracy stored_network "
        "batch_source parameter_optimizer weighted_criterion class_balance norm_limit name_of_set final_results "
        "training_session prepare_inputs evaluate_run inputs_of fit_preparation"
    ),
    "tables": (
        "table tables one_table fields fill_step scale_step lexicon matrices cells hits mlp judge options turn xt yt wt "
        "scores_out cost slopes hit_rate record snapshot_ feed stepper penalty class_factors ceiling which outcome_ session "
        "load_tables judge_network matrix_from fit_steps"
    ),
    "stages": (
        "raw stages stage column_stage fill_stage scale_stage word_stage stage_inputs filled tallies model_ scoring spec "
        "round_ chunk targets mass raw_out stage_loss grads stage_accuracy peak peak_model chunks descent objective "
        "class_mass cap stage_name figures stage_runner run_stages score_stages stage_matrix fit_stages"
    ),
    "ledger": (
        "entries books book posts gap_filler normaliser term_index ledgers amounts term_counts net_ auditor terms cycle "
        "items tags shares_ raw_scores debit deltas hit_share high_mark kept_net posting clerk charge tag_shares bound "
        "book_name balance_sheet bookkeeper open_books audit_network ledger_of fit_clerks"
    ),
    "records": (
        "records folds fold record_fields void_filler leveller glossary tensors measures_ mentions learner examiner setup "
        "pass_ sample answers_ heft forecasts miss slope_list agreement crest crest_learner sampler updater miss_measure "
        "class_heft brake fold_name grades practice load_records examine tensor_of fit_fold"
    ),
}
SCHEMES = {scheme: dict(zip(_WORDS.split(), names.split(), strict=True)) for scheme, names in _SCHEMES.items()}
"""Names of the local variables and functions, by scheme."""
_ALIASES = {"tabular": "tb", "textkit": "tk"}


def assemble(
    head: list[str],
    imports: list[str],
    parts: Parts,
    body: list[list[str]],
    style: Style,
    *,
    idiom: str,
    foot: list[str],
) -> str:
    """The text of a file.

    Args:
        head: comment or docstring at the top.
        imports: lines that import another file of the run; those of libraries are added.
        parts: what the forms of calls need.
        body: functions and classes in their order.
        idiom: ``code`` or ``train``.
        foot: lines at the end.
    """
    constants = [*parts.constants, *([_shared(parts)] if parts.shared else [])]
    blocks = style.ordered(f"{idiom}.blocks", constants)
    helpers = style.ordered(f"{idiom}.blocks", parts.blocks)
    text = "\n".join("\n".join(block) for block in blocks)
    text += "\n\n\n" * bool(blocks) + "\n\n\n".join("\n".join(block) for block in [*helpers, *body])
    if foot:
        text += "\n\n\n" + "\n".join(foot)
    text, used = _named(text, style, style[f"{idiom}.imports"])
    rest = sorted(parts.imports, key=lambda line: (line.startswith("from"), line))
    local = [_named(line, style, "module")[0] for line in imports]
    groups = [rest, [*_imports(used, style[f"{idiom}.imports"]), *local]]
    top = "\n\n".join("\n".join(group) for group in ([head] if head else []) + [group for group in groups if group])
    text = f"{top}\n\n{text}\n"
    return _single_quoted(text) if style["code.quotes"] == "single" else text


def _shared(parts: Parts) -> list[str]:
    lines = ["SETTINGS = {"]
    for name, settings in parts.shared.items():
        lines.append(f'    "{name}": {{')
        lines += [f'        "{one}": {literal(value)},' for one, value in settings.items()]
        lines.append("    },")
    return [*lines, "}"]


def _named(text: str, style: Style, imports: str) -> tuple[str, set[tuple[str, str]]]:
    names = SCHEMES[style["code.names"]]
    used: set[tuple[str, str]] = set()

    def replaced(found: re.Match[str]) -> str:
        library, name = found[1], found[2]
        if library is None:
            return names[name]
        used.add((library, name))
        match imports:
            case "alias":
                return f"{_ALIASES[library]}.{name}"
            case "names" | "listed_names":
                return name
            case "renamed":
                return f"{library}_{name}"
            case _:
                return f"{library}.{name}"

    return _MARK.sub(replaced, text), used


def _imports(used: set[tuple[str, str]], idiom: str) -> list[str]:
    lines = []
    for library in ("tabular", "textkit"):
        names = sorted(name for one, name in used if one == library)
        if not names:
            continue
        match idiom:
            case "alias":
                lines.append(f"import {library} as {_ALIASES[library]}")
            case "names":
                lines.append(f"from {library} import {', '.join(names)}")
            case "listed_names":
                lines += [f"from {library} import (", *(f"    {name}," for name in names), ")"]
            case "renamed":
                lines += [f"from {library} import {name} as {library}_{name}" for name in names]
            case _:
                lines.append(f"import {library}")
    return lines


_STRING = re.compile(r'(?<!")"([^"\'\n]*)"(?!")')


def _single_quoted(text: str) -> str:
    """With single quotation marks, but not inside JSON."""
    if "json.loads" not in text:
        return _STRING.sub(_with_single_quotes, text)
    lines = text.split("\n")
    return "\n".join(line if "json.loads" in line else _STRING.sub(_with_single_quotes, line) for line in lines)


def _with_single_quotes(found: re.Match[str]) -> str:
    return f"'{found[1]}'"
