"""Stand-ins for the libraries that the rendered code calls: they record the settings they get and the order of the training
steps, and compute with the names of values instead of values."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Iterator

import yaml

SETS = ("train", "validation", "test", "recent")
ACCURACIES = (0.3, 0.5, 0.7, 0.7, 0.6, 0.7, 0.2, 0.7, 0.1, 0.7, 0.0, 0.7)
"""Of the validation rows after each epoch: the third is the first of the best."""
BATCHES = 2


class Name(str):
    """A value, by what it was computed from."""

    @property
    def shape(self) -> tuple[str, str]:
        return f"rows of {self}", f"width of {self}"

    def __mul__(self, other: object) -> Name:  # type: ignore[override]
        return Name(f"{self}*{other}")

    def __getitem__(self, key: object) -> Any:
        return Name(f"{self}[{key}]")


@dataclass
class Recorded:
    """What a program did."""

    settings: dict[str, Any] = field(default_factory=dict)
    """Path of a declaration to the value that the library got."""
    fitted: list[str] = field(default_factory=list)
    """What was fitted, on what."""
    steps: list[str] = field(default_factory=list)
    """What the training did, in its order."""
    scored: tuple[object, ...] = ()
    """Arguments of the evaluation."""
    results: object = None

    def keep(self, section: str, **settings: Any) -> None:
        for name, value in settings.items():
            assert f"{section}.{name}" not in self.settings, f"{section} is called twice"
            self.settings[f"{section}.{name}"] = value


class _Transform:
    def __init__(self, recorded: Recorded, name: str) -> None:
        self.recorded, self.name = recorded, name

    def fit(self, values: str) -> _Transform:
        self.recorded.fitted.append(f"{self.name} on {values}")
        return self

    def transform(self, values: str) -> Name:
        return Name(f"{self.name}({values})")

    count = transform


class _Columns:
    def numbers(self, part: str) -> Name:
        return Name(f"numbers({part})")

    def tokens(self, part: str) -> Name:
        return Name(f"tokens({part})")

    def join(self, numbers: str, counts: str) -> Name:
        return Name(f"join({numbers}, {counts})")


class _Network:
    def __init__(self, recorded: Recorded) -> None:
        self.recorded, self.epoch = recorded, 0

    def forward(self, batch: str) -> Name:
        return Name(f"logits({batch})")

    def backward(self, value: str) -> Name:
        return Name(f"gradients({value})")

    def accuracy(self, inputs: str, part: str) -> float:
        self.recorded.steps.append(f"accuracy of {part} with {inputs}")
        self.epoch += 1
        return ACCURACIES[self.epoch - 1]

    def copy(self) -> str:
        return f"network of epoch {self.epoch}"


class _Sgd:
    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded

    def step(self, network: _Network, gradients: str) -> None:
        assert isinstance(network, _Network)
        self.recorded.steps.append(f"step with {gradients}")


class _Loader:
    def __iter__(self) -> Iterator[tuple[Name, Name, Name]]:
        return iter([(Name(f"x{one}"), Name(f"y{one}"), Name(f"w{one}")) for one in range(BATCHES)])


class _Evaluation:
    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded

    def score(self, network: object, parts: object, inputs: object) -> str:
        self.recorded.scored = network, parts, inputs
        return "results"


def _tabular(recorded: Recorded, config: str) -> dict[str, Any]:
    def read_config(path: str) -> Any:
        assert path == "config.yaml"
        return yaml.safe_load(config)

    def read_sources(path: str) -> Name:
        assert path == "data_sources.yaml"
        return Name("rows")

    def split(
        rows: str, *, by: str, groups: str, validation_share: float, test_share: float, seed: int
    ) -> dict[str, Name]:
        assert rows == "rows"
        recorded.keep(
            "split", by=by, groups=groups, validation_share=validation_share, test_share=test_share, seed=seed
        )
        return {name: Name(name) for name in SETS}

    def features(*, as_of: dict[str, str], text_weight: float) -> _Columns:
        recorded.keep("features", text_weight=text_weight, **{f"{name}.as_of": value for name, value in as_of.items()})
        return _Columns()

    def imputer(*, fill: object) -> _Transform:
        recorded.keep("imputer", fill=fill)
        return _Transform(recorded, "fill")

    def standard_scaler() -> _Transform:
        return _Transform(recorded, "scale")

    def evaluation(*, label_order: str, validation_ids: str, sources: str) -> _Evaluation:
        recorded.keep("evaluation", label_order=label_order, validation_ids=validation_ids, sources=sources)
        return _Evaluation(recorded)

    def dense_network(*, inputs: str, hidden_units: int, outputs: int, seed: int) -> _Network:
        assert inputs.startswith("width of join(")
        recorded.keep("network", hidden_units=hidden_units, outputs=outputs, seed=seed)
        return _Network(recorded)

    def sgd(*, learning_rate: float, momentum: float, weight_decay: float) -> _Sgd:
        recorded.keep("optimizer", learning_rate=learning_rate, momentum=momentum, weight_decay=weight_decay)
        return _Sgd(recorded)

    def class_weights(path: str, classes: list[str], *, order: str, power: float) -> Name:
        assert path == "class_counts.csv"
        recorded.keep("class_weights", order=order, power=power, classes=tuple(classes))
        return Name("balance")

    def loss(*, divide_by: str) -> Any:
        recorded.keep("loss", divide_by=divide_by)
        return lambda logits, labels, weights: Name(f"loss({logits}, {labels}, {weights})")

    def loader(part: str, inputs: str, *, shuffle: bool, batch_size: int, seed: int) -> _Loader:
        assert part == "train" and inputs.startswith("join(")
        recorded.keep("loader", shuffle=shuffle, batch_size=batch_size, seed=seed)
        return _Loader()

    def clip(gradients: str, *, norm: float) -> Name:
        return Name(f"clip({gradients}, {norm})")

    def log(*, epoch: int, val_acc: float) -> None:
        recorded.steps.append(f"epoch {epoch}: {val_acc}")

    def write_results(path: str, results: object) -> None:
        assert path == "eval_results.json"
        recorded.results = results

    return {name: value for name, value in locals().items() if name not in ("recorded", "config")}


def run_program(config: str, preprocessing: str, train: str) -> Recorded:
    """Runs train.py with preprocessing.py and config.yaml, as `python train.py` does."""
    recorded = Recorded()
    libraries = {
        "tabular": _tabular(recorded, config),
        "textkit": {"vocabulary": lambda: _Transform(recorded, "count")},
    }
    modules = {name: ModuleType(name) for name in (*libraries, "preprocessing")}
    before = {name: sys.modules.get(name) for name in modules}
    for name, functions in libraries.items():
        vars(modules[name]).update(functions)
    sys.modules.update(modules)
    try:
        exec(compile(preprocessing, "preprocessing.py", "exec"), vars(modules["preprocessing"]))
        exec(compile(train, "train.py", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        if end.code is not None:
            raise
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    return recorded
