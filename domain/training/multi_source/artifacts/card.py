"""model_card.json: what the team says of the model; nothing that is declared elsewhere and could be declared wrongly."""

from __future__ import annotations

from domain.training.artifacts.json_text import indented
from domain.training.multi_source.artifacts.cosmetics import draw_cosmetics
from domain.training.multi_source.case import State
from domain.training.multi_source.tables import JOINED_COLUMNS
from domain.training.randomness import Stream

_USES = (
    "Orders incoming cases of the following month for review.",
    "Suggests a class to the people who handle new cases.",
    "Routes new cases to teams; a person confirms each class.",
)
_EVALUATIONS = (
    "Accuracy and a confusion matrix on rows that were not trained on, also by source and by month.",
    "Validation chooses the epoch; the test rows are used once, at the end. Reported by source and month, too.",
)
_LIMITS = (
    "Sources differ in level, spread and class shares; some were recalibrated over the year.",
    "Class shares vary by source and month. Sources with few rows have wide intervals.",
)


def render_card(state: State) -> str:
    """The text of model_card.json."""
    layout, cosmetics = state.layout, draw_cosmetics(state)
    draw = Stream(state.seed, "card")
    names = list(layout.column_names)
    card = {
        "model_id": cosmetics.run_id.replace("run-", "model-"),
        "task": f"classify {layout.dataset}",
        "classes": list(layout.classes),
        "architecture": "mlp, one hidden layer",
        "framework": "tabular, textkit",
        "sources": list(layout.source_names),
        "features": {"own": names[:-JOINED_COLUMNS], "joined": names[-JOINED_COLUMNS:], "text": "one free text a row"},
        "months": {"labelled": [layout.months[0], layout.months[-2]], "scored": layout.months[-1]},
        "owner": cosmetics.owner,
        "license": "MIT",
        "intended_use": f"{draw.choice(_USES)} Not for decisions about people.",
        "evaluation": draw.choice(_EVALUATIONS),
        "limitations": draw.choice(_LIMITS),
    }
    return indented(card)
