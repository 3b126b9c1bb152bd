"""Finds scenarios in memory or in the store, or generates them; caches a bounded number."""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict
from typing import Any, Callable, Coroutine, Generic, NamedTuple, TypeVar

from sqlalchemy import Connection, Row, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.diagnosis import PatchEntry
from domain.episode.observation import EvidenceView
from domain.experiment import ExperimentOutcome
from domain.grade import PatchVerdict
from domain.rubric import RUBRIC, Rubric
from domain.scenario import Scenario
from domain.types import SplitName, TaskId
from server.metrics import Metrics
from server.scenarios.answer_timing import AnswerTiming
from server.scenarios.fair_queue import FairQueue
from server.scenarios.requester import REQUESTER
from server.scenarios.simulation import Simulation
from server.storage.connections import fetch_all
from server.storage.schema import scenarios
from server.storage.sql import Statement, StatementRow

_COLUMNS = ("digest", "generator_version", "task_id", "seed", "split", "body")
_INSERT = Statement(
    text(
        "INSERT INTO scenarios (digest, generator_version, task_id, seed, split, body) "
        "VALUES (:digest, :generator_version, :task_id, :seed, :split, :body) ON CONFLICT (digest) DO NOTHING"
    ),
    _COLUMNS,
)
_BY_DIGEST = select(scenarios).where(scenarios.c.digest == bindparam("wanted"))
_BY_KEY = select(scenarios).where(
    scenarios.c.seed == bindparam("of_seed"),
    scenarios.c.task_id == bindparam("of_task"),
    scenarios.c.split == bindparam("of_split"),
    scenarios.c.generator_version == bindparam("of_generator"),
)


class ScenarioLostError(Exception):
    """The store has no intact scenario of a digest that an episode refers to."""

    def __init__(self, digest: str, reason: str) -> None:
        super().__init__(f"scenario {digest}: {reason}")
        self.digest = digest
        self.reason = reason


class _Key(NamedTuple):
    """The inputs of a generation."""

    task_id: TaskId
    seed: int
    split: SplitName
    fault: str | None
    """None: the one that the seed draws."""


MAX_VERDICTS = 256
"""Kept for each scenario: agents that share one propose much the same patches. As many experiments are kept beside them."""

_Result = TypeVar("_Result")


_PatchKey = tuple[tuple[str, str, str], ...]


class _Runs(Generic[_Result]):
    """Trainings that were run again on one scenario, each once for all who ask, as long as it is kept."""

    __slots__ = ("_tasks",)

    def __init__(self) -> None:
        self._tasks: OrderedDict[tuple[_PatchKey, int, str], asyncio.Task[_Result]] = OrderedDict()

    async def get(self, key: tuple[_PatchKey, int, str], start: Callable[[], Coroutine[Any, Any, _Result]]) -> _Result:
        """The result for a key, of a run under way, of one before or of a new one."""
        task = self._tasks.get(key)
        if task is not None:
            self._tasks.move_to_end(key)
        else:
            task = self._tasks[key] = asyncio.ensure_future(start())
            if len(self._tasks) > MAX_VERDICTS:
                self._tasks.popitem(last=False)
        try:
            # Shielded: one asker that goes away must not take the result from the others.
            return await asyncio.shield(task)
        except Exception:
            if self._tasks.get(key) is task:  # a failure is no result, but a newer attempt may be one
                del self._tasks[key]
            raise


def _key_of(patch: tuple[PatchEntry, ...]) -> _PatchKey:
    """With values as texts: in Python 1, 1.0 and True are equal, as values of a patch they are not."""
    return tuple([(entry.file, entry.field, repr(entry.value)) for entry in patch])


class CachedScenario:
    """A scenario in memory, with its encoded evidence, the verdicts on patches that were tried, and the experiments."""

    __slots__ = ("_experiments", "_packed", "_verdicts", "digest", "is_stored", "scenario", "split", "view")

    def __init__(self, scenario: Scenario, *, is_stored: bool, split: SplitName = "train") -> None:
        self.scenario = scenario
        self.split: SplitName = split
        """The split that it was generated for."""
        self.digest = scenario.digest
        self.view = EvidenceView(scenario.evidence)
        self.is_stored = is_stored
        """Whether its row is known to be durable."""
        self._packed: bytes | None = None
        self._verdicts: _Runs[PatchVerdict] = _Runs()
        self._experiments: _Runs[ExperimentOutcome] = _Runs()

    async def verify(
        self, simulation: Simulation, patch: tuple[PatchEntry, ...], place: int = 0, rubric: Rubric = RUBRIC
    ) -> PatchVerdict:
        """The verdict on a patch as the repair of the fault at a place: run once, however many ask, as long as it is kept."""
        return await self._verdicts.get(
            (_key_of(patch), place, rubric.version),
            lambda: simulation.verify(self.scenario.truth.planted[place], patch, rubric=rubric),
        )

    async def experiment(self, simulation: Simulation, patch: tuple[PatchEntry, ...], number: int) -> ExperimentOutcome:
        """The outcome of an experiment: run once, however many ask, as long as it is kept."""
        return await self._experiments.get(
            (_key_of(patch), number, ""), lambda: simulation.experiment(self.scenario.truth, patch, number)
        )

    async def pack(self) -> None:
        """Compress the row's body in a thread, so that the event loop is not blocked."""
        self._packed = await asyncio.to_thread(_packed, self.scenario.body)

    def row(self) -> StatementRow:
        """The row to write with the first episode on it."""
        scenario = self.scenario
        packed = self._packed or _packed(scenario.body)
        named = (scenario.generator_version, scenario.task_id, str(scenario.seed), self.split)
        return StatementRow(_INSERT, (self.digest, *named, packed))


class ScenarioRepository:
    """Cache over the store and the generator; concurrent requests for one key share one generation."""

    def __init__(
        self,
        simulation: Simulation,
        reader: AsyncEngine,
        *,
        limit: int,
        queue: FairQueue,
        answer_timing: AnswerTiming | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._simulation = simulation
        self._reader = reader
        self._limit = limit
        self._queue = queue
        self._answer_timing = answer_timing
        """Delays generated answers; None: no delay."""
        self._metrics = metrics or Metrics()
        self.hits = 0
        self.misses = 0
        self._by_digest: OrderedDict[str, CachedScenario] = OrderedDict()
        self._digest_of_key: OrderedDict[_Key, str] = OrderedDict()
        self._generating: dict[_Key, asyncio.Task[CachedScenario]] = {}

    async def get_or_generate(
        self,
        task_id: TaskId,
        seed: int,
        *,
        split: SplitName = "train",
        fault: str | None = None,
        may_be_stored: bool = False,
    ) -> CachedScenario:
        """The scenario of a key by the present generator; without a fault, the one that the seed draws. With
        ``may_be_stored`` the store is searched first; not worth it for a seed that was drawn just now."""
        key = _Key(task_id, seed, split, fault)
        cached = self._find_key(key)
        if cached is not None:
            return cached
        stored = await self._find_stored(key) if may_be_stored else None
        if stored is not None:
            return self._keep(key, stored)
        with self._metrics.generation_seconds.time():
            return await self._generate(key)

    def has(self, task_id: TaskId, seed: int, split: SplitName) -> bool:
        """Whether the scenario that a seed draws is in memory."""
        return self._digest_of_key.get(_Key(task_id, seed, split, None)) in self._by_digest

    def _find_key(self, key: _Key) -> CachedScenario | None:
        """The cached scenario of a key, or None; marks the key as used last."""
        digest = self._digest_of_key.get(key)
        if digest is None:
            return None
        self._digest_of_key.move_to_end(key)
        return self.peek(digest)

    def peek(self, digest: str) -> CachedScenario | None:
        """The cached scenario, or None."""
        cached = self._by_digest.get(digest)
        if cached is not None:
            self.hits += 1
            self._by_digest.move_to_end(digest)
        return cached

    async def get(self, digest: str) -> CachedScenario:
        """The scenario of an episode, from the cache or the store; never generated again."""
        cached = self.peek(digest)
        if cached is not None:
            return cached
        self.misses += 1
        rows = await fetch_all(self._reader, _BY_DIGEST, wanted=digest)
        cached = _unpack(rows[0] if rows else None, digest)
        self._add(cached)
        return cached

    async def _generate(self, key: _Key) -> CachedScenario:
        task = self._generating.get(key)
        if task is None:
            # Each caller waits for a slot of its own, so that none waits in the place of another client.
            await self._queue.acquire(REQUESTER.get())
            task = self._generating.get(key)
            cached = self._find_key(key)
            if task is not None or cached is not None:
                self._queue.release()
                if cached is not None:
                    return cached
        if task is None:
            task = self._generating[key] = asyncio.create_task(self._make(key))
            task.add_done_callback(lambda _: self._generating.pop(key, None))
            task.add_done_callback(lambda _: self._queue.release())
        # Shielded: a cancelled caller must not cancel the generation for the others.
        return await asyncio.shield(task)

    async def generate_ahead(self, task_id: TaskId, seed: int, split: SplitName) -> CachedScenario:
        """The scenario of a fresh seed, which no client waits for. It is not cached: see `keep`."""
        async with self._queue.slot(REQUESTER.get()):
            return await self._produce(_Key(task_id, seed, split, None))

    async def generate_expected(self, task_id: TaskId, seed: int, split: SplitName, fault: str | None) -> None:
        """Cache the scenario of a key that is likely to be asked for; nothing if it is cached or being generated."""
        key = _Key(task_id, seed, split, fault)
        if key not in self._generating and self._digest_of_key.get(key) not in self._by_digest:
            await self._generate(key)

    def keep(self, generated: CachedScenario) -> None:
        """Cache a scenario that was generated ahead, because an episode begins on it."""
        scenario = generated.scenario
        self._keep(_Key(scenario.task_id, scenario.seed, generated.split, None), generated)

    async def _make(self, key: _Key) -> CachedScenario:
        self.misses += 1
        return self._keep(key, await self._produce(key))

    async def _produce(self, key: _Key) -> CachedScenario:
        """Generate, digest and compress within one quantum, because the time of each depends on the truth."""
        await self._simulation.ready()
        began = self._answer_timing.begin() if self._answer_timing is not None else 0.0
        scenario = await self._simulation.generate(key.task_id, key.seed, **_keyword_arguments(key))
        generated = CachedScenario(scenario, is_stored=False, split=key.split)
        cached = self._by_digest.get(generated.digest, generated)
        if cached is generated:
            await cached.pack()
        if self._answer_timing is not None:
            await self._answer_timing.wait_for_quantum(key.task_id, began)
        return cached

    def _keep(self, key: _Key, cached: CachedScenario) -> CachedScenario:
        self._add(cached)
        self._digest_of_key[key] = cached.digest
        while len(self._digest_of_key) > self._limit:
            self._digest_of_key.popitem(last=False)
        return cached

    async def _find_stored(self, key: _Key) -> CachedScenario | None:
        """The stored scenario of a key; None: it was not generated before."""
        if key.fault is not None:
            return None  # the store does not know what was drawn and what was planted
        wanted = _stored_key(self._simulation.generator_version, key.task_id, key.seed, key.split)
        rows = await fetch_all(self._reader, _BY_KEY, **wanted)
        if not rows:
            return None
        row = rows[0]
        # The cached object is preferred, because it has verdicts.
        return self._by_digest.get(row.digest) or _unpack(row, row.digest)

    def _add(self, cached: CachedScenario) -> None:
        self._by_digest[cached.digest] = cached
        self._by_digest.move_to_end(cached.digest)
        while len(self._by_digest) > self._limit:
            self._by_digest.popitem(last=False)


def is_scenario_stored(
    connection: Connection, generator_version: str, task_id: TaskId, seed: int, split: SplitName = "train"
) -> bool:
    """Whether the store has the scenario of a key."""
    wanted = _stored_key(generator_version, task_id, seed, split)
    return connection.execute(_BY_KEY, wanted).first() is not None


def _stored_key(generator_version: str, task_id: TaskId, seed: int, split: SplitName) -> dict[str, str]:
    return {"of_seed": str(seed), "of_task": task_id, "of_split": split, "of_generator": generator_version}


def _keyword_arguments(key: _Key) -> dict[str, Any]:
    """The keyword arguments of a generation that differ from the defaults."""
    fault = {} if key.fault is None else {"fault": key.fault}
    return fault if key.split == "train" else {**fault, "split": key.split}


def _packed(body: bytes) -> bytes:
    return zlib.compress(body, 9)


def read_scenario(connection: Connection, digest: str) -> Scenario:
    """Read a stored scenario; raises ``ScenarioLostError``."""
    return read_stored_scenario(connection, digest).scenario


def read_stored_scenario(connection: Connection, digest: str) -> CachedScenario:
    """Read a stored scenario with the split of its row; raises ``ScenarioLostError``."""
    return _unpack(connection.execute(_BY_DIGEST, {"wanted": digest}).one_or_none(), digest)


def _unpack(row: Row[Any] | None, digest: str) -> CachedScenario:
    """The scenario of a stored row; raises ``ScenarioLostError`` if the row does not fit its body. The body does not
    contain the split; an audit compares it with the reset's."""
    if row is None:
        raise ScenarioLostError(digest, "is not in the store")
    try:
        unpacking = zlib.decompressobj()
        body = unpacking.decompress(row.body)
    except (zlib.error, ValueError, TypeError) as error:
        raise ScenarioLostError(digest, "its body cannot be read") from error
    if not unpacking.eof or unpacking.unused_data:
        raise ScenarioLostError(digest, "its body was changed")
    scenario = read_body(body, digest)
    written = (scenario.generator_version, scenario.task_id, str(scenario.seed))
    if (row.generator_version, row.task_id, row.seed) != written:
        raise ScenarioLostError(digest, "its columns do not fit its body")
    return CachedScenario(scenario, is_stored=True, split=row.split)


def read_body(body: bytes, digest: str) -> Scenario:
    """The scenario of a body; raises ``ScenarioLostError`` if it is not the one of the digest."""
    try:
        scenario = Scenario.model_validate_json(body)
    except (ValueError, TypeError) as error:
        raise ScenarioLostError(digest, "its body cannot be read") from error
    if scenario.body != body or scenario.digest != digest:
        raise ScenarioLostError(digest, "its body was changed")
    return scenario
