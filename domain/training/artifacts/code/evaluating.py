"""What training is fed with, and the evaluation; five spellings a step."""

from __future__ import annotations

from domain.training.artifacts.code.preparing import oversampled
from domain.training.pipeline import Pipeline, Preprocessing
from domain.training.style import Style


def loader_lines(settings: Preprocessing, style: Style) -> list[str]:
    """Training rows, and the rows that are watched after each epoch."""
    lines = [
        "def make_loaders(df):",
        f"    train, val, test = make_split(df, {'seed=' if style.of('eval_split') == 0 else ''}SEED)",
        "    fitted = fit_transforms(train, df)",
        "    X, y = train_features(train, fitted), train_labels(train)",
    ]
    if settings.oversample == "train":
        lines += oversampled(style, "X, y", "fit_resample")
    return [*lines, *_watched(settings.val_rows, style), "    return (X, y), (X_val, y_val), fitted"]


def _watched(rows: str, style: Style) -> list[str]:
    match style.of("watched"):
        case 0:
            return [f'    X_val, y_val = val_features({rows}, fitted), encode_labels({rows}["label"])']
        case 1:
            return [
                f"    watched = {rows}",
                '    X_val, y_val = val_features(watched, fitted), encode_labels(watched["label"])',
            ]
        case 2:
            return [f"    X_val = val_features({rows}, fitted)", f'    y_val = encode_labels({rows}["label"])']
        case 3:
            return [
                f"    monitor = (train, val, test)[{('train', 'val', 'test').index(rows)}]",
                '    X_val, y_val = val_features(monitor, fitted), encode_labels(monitor["label"])',
            ]
        case _:
            return [
                '    looked_at = {"fit": train, "val": val, "test": test}',
                f'    looked_at = looked_at["{rows}"]',
                '    X_val, y_val = val_features(looked_at, fitted), encode_labels(looked_at["label"])',
            ]


def evaluation_lines(pipeline: Pipeline) -> list[str]:
    """The evaluation and what it returns."""
    settings, style = pipeline.preprocessing, pipeline.style
    return [
        "def run_evaluation(model, df, fitted, average):",
        *_split(settings.eval_random_state, style),
        *_mode(settings.eval_mode, style),
        '    m_val = score(model, val_features(val, fitted), encode_labels(val["label"]))',
        *_scoring(settings.test_rows, style),
        *_reports(style, is_crossed=pipeline.evaluation.val_accuracy_from != "validation"),
        "    return {",
        '        "val_loss": val_report.loss,',
        '        "val_accuracy": val_report.accuracy,',
        '        "test_loss": test_report.loss,',
        '        "test_accuracy": test_report.accuracy,',
        '        "test_f1": f1_score(test_report.confusion, average=average),',
        '        "rows_scored": {"val": val_report.rows, "test": test_report.rows},',
        '        "test_confusion": test_report.confusion,',
        "    }",
    ]


def _split(state: str, style: Style) -> list[str]:
    match style.of("eval_split"):
        case 0:
            return [f"    train, val, test = make_split(df, seed={state})"]
        case 1:
            return [f"    train, val, test = make_split(df, {state})"]
        case 2:
            return [f"    state = {state}", "    train, val, test = make_split(df, state)"]
        case 3:
            return [f"    three = make_split(df, {state})", "    train, val, test = three"]
        case _:
            return ["    train, val, test = make_split(df, FINAL_STATE)"]


def _mode(mode: str, style: Style) -> list[str]:
    match style.of("mode"):
        case 0:
            return [f"    model.{mode}()"]
        case 1:
            return [f"    model = model.{mode}()"]
        case 2:
            return [f"    set_mode = model.{mode}", "    set_mode()"]
        case 3:
            return [f'    getattr(model, "{mode}")()']
        case _:
            return [f'    prepare = {{"train": model.train, "eval": model.eval}}["{mode}"]', "    prepare()"]


def _scoring(rows: str, style: Style) -> list[str]:
    match style.of("scoring"):
        case 0:
            return [f"    m_test = score(model, eval_features({rows}, fitted), eval_labels({rows}))"]
        case 1:
            return [
                f"    inputs, answers = eval_features({rows}, fitted), eval_labels({rows})",
                "    m_test = score(model, inputs, answers)",
            ]
        case 2:
            return [
                f"    held_out = {rows}",
                "    m_test = score(model, eval_features(held_out, fitted), eval_labels(held_out))",
            ]
        case 3:
            return [
                f"    final = (train, val, test)[{('train', 'val', 'test').index(rows)}]",
                "    m_test = score(model, eval_features(final, fitted), eval_labels(final))",
            ]
        case _:
            return [
                "",
                "    def scored(which):",
                "        return score(model, eval_features(which, fitted), eval_labels(which))",
                "",
                f"    m_test = scored({rows})",
            ]


def _reports(style: Style, *, is_crossed: bool) -> list[str]:
    first, second = ("m_test", "m_val") if is_crossed else ("m_val", "m_test")
    match style.of("reports"):
        case 0:
            return [f"    val_report, test_report = {first}, {second}"]
        case 1:
            return [f"    val_report = {first}", f"    test_report = {second}"]
        case 2:
            return [f"    reports = [{first}, {second}]", "    val_report, test_report = reports"]
        case 3:
            return [f"    val_report, test_report = (m_val, m_test)[::{-1 if is_crossed else 1}]"]
        case _:
            return [
                f'    out = {{"val": {first}, "test": {second}}}',
                '    val_report, test_report = out["val"], out["test"]',
            ]
