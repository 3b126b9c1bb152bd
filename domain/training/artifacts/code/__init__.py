"""preprocessing.py: the code of a pipeline's preprocessing and evaluation, as `simulator.Steps` runs it.

Each step is one place that depends on one field, so that changing a field changes the lines of that field and no other. The
style chooses names, spellings and layout; whatever it chooses, the code does the same.
"""

from __future__ import annotations

import re
from functools import lru_cache

from domain.training.artifacts.code import evaluating, features, head, preparing
from domain.training.artifacts.code.names import renamed
from domain.training.pipeline import Pipeline
from domain.training.style import Style

IMPORTS = (
    "IdentityTransform",
    "RandomOverSampler",
    "SelectKBest",
    "SimpleImputer",
    "StandardScaler",
    "TargetEncoder",
    "count_tokens",
    "f1_score",
    "hstack",
    "score",
    "split_rows",
)
_ORDERS = (
    ("labels", "split", "transforms", "features", "targets", "loaders", "evaluation"),
    ("split", "labels", "targets", "transforms", "features", "evaluation", "loaders"),
    ("evaluation", "loaders", "split", "transforms", "features", "labels", "targets"),
    ("loaders", "split", "targets", "labels", "features", "transforms", "evaluation"),
    ("transforms", "labels", "features", "evaluation", "split", "loaders", "targets"),
)
_API = re.compile(rf"(?<![\w.])({'|'.join(IMPORTS)})\b")


def render_code(pipeline: Pipeline) -> str:
    """The text of preprocessing.py."""
    settings, style = pipeline.preprocessing, pipeline.style
    blocks = {
        "labels": preparing.label_lines(style),
        "split": preparing.split_lines(settings, style),
        "transforms": preparing.transform_lines(settings, style),
        "features": features.feature_lines(settings, style),
        "targets": features.target_lines(settings, style),
        "loaders": evaluating.loader_lines(settings, style),
        "evaluation": evaluating.evaluation_lines(pipeline),
    }
    body = [head.constant_lines(pipeline), *(blocks[name] for name in _ORDERS[style.of("layout")])]
    title, *imports = _imports(pipeline, style)
    prefix = {3: "tabular.", 4: "tb."}.get(style.of("imports"), "")
    code = "\n\n\n".join(_named("\n".join(block), style.names, prefix) for block in body) + "\n"
    return "\n".join([title, "", *imports, "", code])


@lru_cache(maxsize=512)  # the same pipeline is often written again with one value changed
def _named(block: str, scheme: str, prefix: str) -> str:
    """A block in the names of a scheme, with the module in front of what is imported."""
    return _API.sub(lambda found: prefix + found[0], renamed(block, scheme))


def _imports(pipeline: Pipeline, style: Style) -> list[str]:
    name = pipeline.dataset.name
    match style.of("imports"):
        case 0:
            title = f'"""Feature pipeline and evaluation for {name}."""'
            return [title, "import numpy as np", "from tabular import (", *(f"    {one}," for one in IMPORTS), ")"]
        case 1:
            half = len(IMPORTS) // 2
            lines = [f"from tabular import {', '.join(part)}" for part in (IMPORTS[:half], IMPORTS[half:])]
            return [f'"""{name}: features, splits and evaluation."""', "import numpy as np", *lines]
        case 2:
            lines = [f"from tabular import {one}" for one in IMPORTS]
            return [f"# {name}: how rows become features and how the model is scored", "import numpy as np", *lines]
        case 3:
            return [f'"""Data preparation of {name}."""', "import numpy as np", "import tabular"]
        case _:
            return [f"# preparation and scoring, {name}", "import tabular as tb", "import numpy as np"]


__all__ = ["IMPORTS", "render_code"]
