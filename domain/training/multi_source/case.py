"""A case: the world and the declarations of a run, those of the last good run before it, and which agreements broke in between."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, NamedTuple, Self

from domain.training.multi_source.agreements import AGREEMENTS, BY_FAULT, Agreement, Change, Facts, Pair, choice_of
from domain.training.multi_source.layout import Layout, draw_layout
from domain.training.multi_source.pools import draw_quiet
from domain.training.multi_source.rows import strong_columns
from domain.training.pipeline import FieldValue
from domain.training.randomness import Stream
from domain.training.style import SeedSplit

FAMILY = "multi_source"
Origin = Literal["declaration", "world"]
"""What broke an agreement: a change of the declaration, which stands in the diff, or of the world, which does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The data of a run, how they really are and what is declared about them: all that a run is made from."""

    seed: int
    split: SeedSplit
    world: Facts
    declared: Facts

    @property
    def layout(self) -> Layout:
        return draw_layout(self.seed, self.split)

    def declaring(self, changes: Facts) -> State:
        """The same world with other declarations."""
        return State(seed=self.seed, split=self.split, world=self.world, declared={**self.declared, **changes})

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries."""
        return {
            "family": FAMILY,
            "seed": self.seed,
            "split": self.split,
            "world": dict(self.world),
            "declared": dict(self.declared),
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(seed=body["seed"], split=body["split"], world=body["world"], declared=body["declared"])


class Planted(NamedTuple):
    """One broken agreement."""

    agreement: Agreement
    path: str
    origin: Origin
    repair: FieldValue
    """A declaration that agrees with the world."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is investigated."""

    now: State
    before: State
    """Of the last good run."""
    planted: tuple[Planted, ...]
    twin: State
    """The same declarations in a world in which all of them are right."""
    changed: tuple[str, ...]
    """Declarations that changed since the last good run, in the order in which they were changed."""


FREE: tuple[tuple[str, tuple[FieldValue, ...]], ...] = (
    ("model.hidden_units", (10, 12, 14, 16)),
    ("optimizer.learning_rate", (0.08, 0.1, 0.12, 0.15, 0.18, 0.2)),
    ("optimizer.momentum", (0.8, 0.85, 0.9)),
    ("optimizer.weight_decay", (0.0, 0.0001, 0.0002, 0.0005)),
    ("training.batch_size", (160, 192, 256, 320)),
    ("training.epochs", (6, 7, 8)),
    ("training.gradient_clip_norm", (None, 2.0, 5.0, 10.0)),
    ("class_weights.power", (0.7, 0.8, 0.9, 1.0)),
    ("split.validation_share", (0.12, 0.15, 0.18)),
    ("split.test_share", (0.15, 0.18, 0.2)),
    ("features.text_weight", (0.5, 0.7, 0.9)),
)
"""Declarations that work with every value here; free of the world."""


MIN_TRAINING = 0.0135
"""Learning rate times epochs, over the rows of a batch and 1 minus the momentum; all batch sizes reach it at some rate."""
_RATE = "optimizer.learning_rate"
_OTHERS_OF_TRAINING = ("optimizer.momentum", "training.epochs", "training.batch_size")
MAX_THINNED = 0.5
"""Share of the rows that thinned sources have at most, unless one of them alone has more."""
MAX_CHANGES = 7
"""Since the last good run."""
LOOK_ALIKE_COUNTS = (1, 1, 2)
"""Faults that a healthy run looks like, all equally likely: as often as they are planted where there are any."""


def healthy_twin(case: Case) -> Case:
    """The same declarations, changed by the same commits, in a world in which all of them are right."""
    return Case(now=case.twin, before=case.before, planted=(), twin=case.twin, changed=case.changed)


def draw_case(seed: int, split: SeedSplit, faults: tuple[str, ...]) -> Case:
    """The case of a seed.

    Args:
        seed: 0 to 2^128 - 1.
        split: whose subjects, names and spellings to use.
        faults: which agreements are broken; none, one or two.
    """
    if not faults:
        return draw_look_alike(seed, split, draw_quiet(Stream(seed, "look-alike"), LOOK_ALIKE_COUNTS))
    return _draw_broken(seed, split, faults)


def draw_look_alike(seed: int, split: SeedSplit, faults: tuple[str, ...]) -> Case:
    """A healthy case that declares and changes what one with these faults does, in a world in which that is right.

    Every healthy case is one of these: whatever is fixed so that a fault shows is fixed in healthy runs as often.
    """
    return healthy_twin(_draw_broken(seed, split, faults))


def _draw_broken(seed: int, split: SeedSplit, faults: tuple[str, ...]) -> Case:
    layout = draw_layout(seed, split)
    world, declared = _healthy(seed, layout)
    draw = Stream(seed, "history")
    strong = strong_columns(layout)
    served = str(declared["evaluation.sources"])
    targets = {fault: _target(BY_FAULT[fault], layout, served, strong) for fault in faults}
    fixed = {name for path in targets.values() for name in _keep_visible(layout, path, world, declared)}
    origins: dict[str, Origin] = {fault: _origin(Stream(seed, f"origin/{fault}")) for fault in faults}
    others = [agreement for agreement in AGREEMENTS if agreement.fault_id not in faults]
    count = draw.integer(6, 7) - sum(origin == "declaration" for origin in origins.values())
    fitting = (
        (agreement, path)
        for agreement in (others[place] for place in draw.permutation(len(others)))
        if (path := _target(agreement, layout, served, strong)) not in fixed
    )
    world_before, declared_before = dict(world), dict(declared)
    twin = dict(world)
    changed = []
    for agreement, path in islice(fitting, max(0, count)):
        change = agreement.change(layout, path, Stream(seed, f"change/{agreement.fault_id}"))
        world[path], declared[path] = change.followed, change.declared
        world_before[path], declared_before[path] = _before(agreement, layout, path, change, world, declared)
        twin[path] = change.followed
        changed.append(path)
    planted = []
    for fault in sorted(faults):
        agreement, path = BY_FAULT[fault], targets[fault]
        stream = Stream(seed, f"change/{fault}")
        if origins[fault] == "declaration":
            change = agreement.change(layout, path, stream)
            world_before[path], declared_before[path] = change.before
            world[path] = change.before.world
            declared[path], twin[path] = change.declared, change.followed
            changed.append(path)
            planted.append(Planted(agreement, path, "declaration", change.before.declared))
        else:
            shift = agreement.shift(layout, path, stream)
            world_before[path], declared_before[path] = shift.before
            twin[path], declared[path] = shift.before
            world[path] = shift.world
            planted.append(Planted(agreement, path, "world", agreement.repair(shift.world)))
    needed = _needed(layout, declared, declared, targets.values())
    needed |= _needed(layout, declared_before, declared, targets.values())
    # Not changed: the last good run would have lacked what it needed.
    for path in needed.keys() - {"join.how", *targets.values()} & set(changed):
        changed.remove(path)
    needed |= _whole(layout, declared, {*targets.values(), *changed})
    for path in needed.keys() - targets.values() - set(changed):
        world[path], declared[path] = world_before[path], declared_before[path] = needed[path]
    for path, value in world.items():
        if path not in targets.values():
            twin[path] = value
    for name in _free_changes(draw)[: max(0, MAX_CHANGES - len(changed))]:
        values = dict(FREE)[name]
        earlier = [value for value in values if value != declared[name]]
        declared_before[name] = draw.choice(
            [value for value in earlier if _is_trained({**declared_before, name: value})] or earlier
        )
        changed.append(name)
    declared_before["training.seed"] = Stream(seed, "seed-before").integer(0, 99999)

    def state(world: Facts, declared: Facts) -> State:
        return State(seed=seed, split=split, world=world, declared=declared)

    return Case(
        now=state(world, declared),
        before=state(world_before, declared_before),
        planted=tuple(planted),
        twin=state(twin, declared),
        changed=tuple(changed[place] for place in draw.permutation(len(changed))),
    )


def _before(agreement: Agreement, layout: Layout, path: str, change: Change, world: Facts, declared: Facts) -> Pair:
    """The state before a harmless change: of the same world, where it allows both declarations.

    So the last good run is one that the present run can be compared with.
    """
    earlier = change.before.declared
    if agreement.is_broken(layout, path, world, {**declared, path: earlier}):
        return change.before
    return Pair(change.followed, earlier)


def _healthy(seed: int, layout: Layout) -> tuple[dict[str, FieldValue], dict[str, FieldValue]]:
    world: dict[str, FieldValue] = {}
    declared: dict[str, FieldValue] = {}
    for agreement in AGREEMENTS:
        draw = Stream(seed, f"state/{agreement.fault_id}")
        for path in agreement.paths(layout):
            world[path], declared[path] = agreement.draw(layout, path, draw)
    draw = Stream(seed, "free")
    for name, values in FREE:
        declared[name] = draw.choice(values)
    declared["training.seed"] = draw.integer(0, 99999)
    if not _is_trained(declared):
        # Rates rise in the list.
        declared[_RATE] = next(rate for rate in dict(FREE)[_RATE] if _is_trained({**declared, _RATE: rate}))
    return world, declared


def _whole(layout: Layout, declared: Facts, chosen: set[str]) -> dict[str, Pair]:
    """Sources that are not thinned after all: else the first class were about as rare as the last, and no file would tell their order.

    Args:
        chosen: declarations that are broken or changed; they stay as they are.
    """
    thinned, found = 0.0, {}
    paths = {f"sources.{source.name}.majority_kept": source.weight for source in layout.sources}
    for path in sorted(paths, key=lambda path: path not in chosen):
        if path in chosen or declared[path] != 1.0:
            thinned += paths[path]
            if path not in chosen and thinned > MAX_THINNED * sum(paths.values()):
                found[path] = Pair(1.0, 1.0)
                thinned -= paths[path]
    return found


def _is_trained(declared: Facts) -> bool:
    """Whether the gradient steps suffice for the smallest table."""
    rate, momentum, epochs, batch = (float(declared[name] or 0) for name in (_RATE, *_OTHERS_OF_TRAINING))
    return rate * epochs / (batch * (1.0 - momentum)) >= MIN_TRAINING


def _target(agreement: Agreement, layout: Layout, served: str, strong: tuple[str, ...]) -> str:
    """One of the declarations of a kind; of a source that is scored, not a small one, and of a column that matters."""
    scored = layout.large_sources if served == "all" else (served,)
    places = [(path, *choice_of(path, layout)) for path in agreement.paths(layout)]
    if agreement.pattern.endswith(".as_of"):
        # An export corrects few rows of a near-constant column.
        places = [place for place in places if not layout.column(place[0].split(".")[1]).is_usual]
    of_source = [(path, column) for path, source, column in places if not source or source in scored]
    of_column = [path for path, column in of_source if not column or column in strong]
    return Stream(layout.seed, f"target/{agreement.fault_id}").choice(of_column or [path for path, _ in of_source])


def _keep_visible(layout: Layout, path: str, world: dict[str, FieldValue], declared: dict[str, FieldValue]) -> set[str]:
    """Let a source that is broken be used to the end, and nothing hide what is broken; gives the declarations that this fixes."""
    source, column = choice_of(path, layout)
    last = layout.months[-1]
    fixed: dict[str, Pair] = {}
    for name, value in (
        (f"sources.{source}.used_until", None),
        (f"sources.{source}.snapshot", last),
        (f"sources.{source}.columns.{column}.used_until", None),
    ):
        if name in world:
            fixed[name] = Pair(value, value)
    if path == "split.groups":
        fixed["split.by"] = Pair("exchangeable", "random")
    if path.endswith((".missing_code", ".snapshot")) or (column and path.endswith(".used_until")) or path == "join.how":
        # The repair leaves cells empty, or the fault does.
        fixed["imputer.fill"] = Pair("many", "median" if layout.seed % 2 else "mean")
    is_late = path == f"sources.{source}.used_until"
    if is_late or path.endswith((".deduplicate", ".as_of", ".snapshot")) or path == "split.by":
        # What is wrong with late months shows only where late months are used.
        name = "labels.maturity_months"
        fixed[name] = Pair(min(1, int(world[name] or 0)), min(1, int(declared[name] or 0)))
    if is_late or path.endswith((".label_map", ".majority_kept", ".as_of", ".snapshot")):
        fixed["evaluation.sources"] = Pair("all", "all")
    elif source:
        # The source stays scored.
        fixed["evaluation.sources"] = Pair(world["evaluation.sources"], declared["evaluation.sources"])
    if path == "labels.maturity_months":
        # Otherwise the months that the repair gives up are those that the training needs most.
        fixed["split.by"] = Pair("exchangeable", "random")
    if path.endswith(".as_of"):
        fixed["split.by"] = Pair("exchangeable", declared["split.by"])
    for name, pair in fixed.items():
        world[name], declared[name] = pair
    return set(fixed) - {path}


def _needed(layout: Layout, declared: Facts, now: Facts, targets: Collection[str]) -> dict[str, Pair]:
    """What some declarations need of others: a constant fill that nothing has to be filled; tests of one source, and of late months,
    that there are rows.

    Args:
        now: what is declared now; it is changed only where nothing else helps.
        targets: declarations of which nothing can be needed.
    """
    chosen, is_constant = declared["evaluation.sources"], declared["imputer.fill"] == -999
    needed: dict[str, Pair] = {}
    for source in layout.source_names:
        if source == chosen:
            needed |= _to_the_end(layout, source)
        if is_constant:
            needed[f"sources.{source}.snapshot"] = Pair(layout.months[-1], layout.months[-1])
            paths = (f"sources.{source}.columns.{column}.used_until" for column in layout.column_names)
            needed |= dict.fromkeys(paths, Pair(None, None))
    if is_constant:
        needed["join.how"] = Pair("complete", declared["join.how"])
    if declared["split.by"] == "month" and not any(_is_late(layout, declared, name) for name in layout.source_names):
        names = sorted(layout.source_names, key=lambda name: not _is_late(layout, now, name))
        late = (_to_the_end(layout, name) for name in names)
        needed |= next((pairs for pairs in late if not pairs.keys() & set(targets)), {})
    return needed


def _is_late(layout: Layout, declared: Facts, source: str) -> bool:
    """Whether rows of the last months are used of it."""
    until, snapshot = (declared[path] for path in _to_the_end(layout, source))
    return until is None and (declared["join.how"] != "inner" or snapshot == layout.months[-1])


def _to_the_end(layout: Layout, source: str) -> dict[str, Pair]:
    """What lets all months of a source be used, and with an inner join, too."""
    last = layout.months[-1]
    return {f"sources.{source}.used_until": Pair(None, None), f"sources.{source}.snapshot": Pair(last, last)}


def _origin(draw: Stream) -> Origin:
    # The run that looks alike has the same changes: that one of a kind is there tells nothing.
    return draw.choice(("declaration", "world"))


def _free_changes(draw: Stream) -> tuple[str, ...]:
    names = [name for name, _ in FREE]
    return tuple(names[place] for place in draw.permutation(len(names))[: draw.integer(0, 1)])
