"""The static texts of a run: what its declarations say, never what its world is.

- `config`, `sources`, `code`, `training`: config.yaml, data_sources.yaml, preprocessing.py, train.py.
- `changes`: changes.diff, from the last good run to this one; `messages` names its commits.
- `card`: model_card.json.
- `style`: the idioms in which they are written; `calls`, `program`, `scalars`, `yaml_text`, `wording` write them.
"""

from domain.training.multi_source.artifacts.card import render_card
from domain.training.multi_source.artifacts.changes import render_changes, render_declared
from domain.training.multi_source.artifacts.code import render_code
from domain.training.multi_source.artifacts.config import render_config
from domain.training.multi_source.artifacts.sources import render_sources
from domain.training.multi_source.artifacts.training import render_train

__all__ = [
    "render_card",
    "render_changes",
    "render_code",
    "render_config",
    "render_declared",
    "render_sources",
    "render_train",
]
