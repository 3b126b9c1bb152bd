"""The capacity plan in docs/operations.md, computed from measured figures: what many agents need of machines.

The figures come from upkeep/figures.json, or from a bench.json, which then takes its place.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from upkeep.checkout import ROOT
from upkeep.reference.markdown import table

FIGURES = ROOT / "upkeep" / "figures.json"
PAGE = ROOT / "docs" / "operations.md"
BEGIN = "<!-- Computed by `make capacity` from upkeep/figures.json. -->\n"
END = "<!-- End of what is computed. -->\n"
STEPS_AN_EPISODE = 8
EVENTS_A_STEP = (STEPS_AN_EPISODE + 1) / STEPS_AN_EPISODE
"""The reset is an event, too."""
USE = 0.6
"""Share of what a process can do that a plan may use: the rest is for bursts, and for a replica that is away."""
SOCKETS_A_PROCESS = 20_000
"""What SOCKET_LIMIT may be raised to with some 1 GB of memory."""
FRESH_SHARE = 0.01
"""Of the episodes, those on a scenario that nobody has played: the others find it stored."""
PROCESS_BYTES = 250e6
SHARD_EVENTS_A_SECOND = 10_000
"""What one PostgreSQL is planned for; assumed, not measured."""
DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured."""

    measured: str
    cores: int
    steps_per_second: float
    """Of one process, at ``clients``."""
    clients: int
    steps_per_second_at_32_clients: float
    rest_steps_per_second_at_32_clients: float
    bytes_per_socket: float
    bytes_per_event: float
    bytes_per_fresh_episode: float
    """The stored scenario and all nine events."""
    fresh_resets_per_second: float
    start_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """How many agents, and how long each thinks between two steps."""

    agents: int
    think_seconds: float
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What they need."""

    steps_per_second: float
    replicas: int
    bytes_per_day: float
    socket_bytes: float
    generator_cores: float
    shards: int

    @property
    def is_for_one_process(self) -> bool:
        return self.replicas == 1


DEMANDS = (
    Demand(agents=100, think_seconds=5, who="language models"),
    Demand(agents=1_000, think_seconds=5, who="language models"),
    Demand(agents=1_000, think_seconds=0.5, who="a fast policy"),
    Demand(agents=10_000, think_seconds=5, who="language models"),
    Demand(agents=100_000, think_seconds=5, who="language models"),
    Demand(agents=1_000_000, think_seconds=10, who="language models"),
)


def read_figures(path: Path = FIGURES) -> Figures:
    return Figures(**json.loads(path.read_text()))


def figures_of_bench(results: dict[str, Any], before: Figures) -> Figures:
    """Of a bench.json; what its plan did not measure stays as it was."""
    own = {
        (each["load"], each["clients"]): each["figure"] for each in results["cells"] if each["server"] == "mlops-debug"
    }
    single = results["single"]
    found: dict[str, Any] = {
        "steps_per_second": _of(own, "ws", before.clients, "steps_per_second"),
        "steps_per_second_at_32_clients": _of(own, "ws", 32, "steps_per_second"),
        "rest_steps_per_second_at_32_clients": _of(own, "rest", 32, "steps_per_second"),
        "fresh_resets_per_second": max(
            (each["resets_per_second"] for (load, _), each in own.items() if load == "fresh resets"), default=None
        ),
        "bytes_per_socket": results["socket_bytes"].get("mlops-debug"),
        "bytes_per_event": single.get("disk_bytes_per_event"),
        "bytes_per_fresh_episode": single.get("disk_bytes_per_fresh_episode"),
        "start_seconds": results["start_seconds"].get("mlops-debug"),
        "cores": results["machine"]["cores"],
        "measured": f"mlops-debug bench, plan {results['plan']}, on {results['machine']['cores']} cores "
        f"({results['machine']['processor']}), one server process, SQLite with synchronous=FULL",
    }
    return Figures(**{**asdict(before), **{name: value for name, value in found.items() if value is not None}})


def _of(own: dict[tuple[str, int], Any], load: str, clients: int, name: str) -> float | None:
    figure = own.get((load, clients))
    return None if figure is None else float(figure[name])


def need(demand: Demand, figures: Figures) -> Need:
    """What a demand asks for."""
    rate = demand.agents / demand.think_seconds
    events = rate * EVENTS_A_STEP
    fresh = rate / STEPS_AN_EPISODE * FRESH_SHARE
    scenario = figures.bytes_per_fresh_episode - (STEPS_AN_EPISODE + 1) * figures.bytes_per_event
    by_rate = rate / (figures.steps_per_second * USE)
    by_sockets = demand.agents / SOCKETS_A_PROCESS
    return Need(
        steps_per_second=rate,
        replicas=max(1, math.ceil(max(by_rate, by_sockets))),
        bytes_per_day=DAY_SECONDS * (events * figures.bytes_per_event + fresh * max(0.0, scenario)),
        socket_bytes=demand.agents * figures.bytes_per_socket,
        generator_cores=fresh / (figures.fresh_resets_per_second * USE),
        shards=max(1, math.ceil(events / SHARD_EVENTS_A_SECOND)),
    )


def render(figures: Figures) -> str:
    """The figures, the rules and the table."""
    shown = table(
        ("figure", "measured"),
        (
            (
                "steps/s of one process",
                f"{figures.steps_per_second:,.0f} at {figures.clients} clients, "
                f"{figures.steps_per_second_at_32_clients:,.0f} at 32; over REST {figures.rest_steps_per_second_at_32_clients:,.0f} at 32",
            ),
            ("fresh scenarios/s of one generator process", f"{figures.fresh_resets_per_second:,.0f}"),
            ("memory of an open socket", f"{figures.bytes_per_socket / 1024:.0f} KB"),
            ("disk of an event", f"{figures.bytes_per_event:,.0f} B"),
            ("disk of an episode of 8 steps on a fresh scenario", f"{figures.bytes_per_fresh_episode:,.0f} B"),
            ("start to the first answer", f"{figures.start_seconds:.1f} s"),
        ),
    )
    rows = (_row(each, need(each, figures)) for each in DEMANDS)
    columns = (
        "agents",
        "think",
        "steps/s",
        "server processes",
        "generator cores",
        "sockets",
        "disk a day",
        "serve with",
    )
    rules = (
        f"Measured: {figures.measured}.\n\n{shown}\n"
        "A agents that think T seconds between steps take A / T steps/s. Of what a process can do a plan uses "
        f"{USE:.0%}: the rest is for\nbursts, and for a process that is being replaced. A process holds at most "
        f"{SOCKETS_A_PROCESS:,} sockets (raise `MLOPS_DEBUG_SOCKET_LIMIT` and `ulimit -n`).\nAn episode has "
        f"{STEPS_AN_EPISODE} steps and {STEPS_AN_EPISODE + 1} events; {FRESH_SHARE:.0%} of the episodes are on a scenario "
        "that nobody has played: where all are, as in ranked\nrounds, multiply the generator cores by "
        f"{1 / FRESH_SHARE:.0f}. Beside the sockets each process takes some {PROCESS_BYTES / 1e6:.0f} MB.\n\n"
    )
    return rules + table(columns, rows)


def _row(demand: Demand, needed: Need) -> tuple[str, ...]:
    if needed.is_for_one_process:
        how = "SQLite, one process"
    elif needed.shards == 1:
        how = "PostgreSQL, one database"
    else:
        how = f"PostgreSQL, {needed.shards} shards; on paper"
    return (
        f"{demand.agents:,}",
        f"{demand.think_seconds:g} s ({demand.who})",
        f"{needed.steps_per_second:,.0f}",
        f"{needed.replicas:,}",
        f"{needed.generator_cores:.1f}",
        _size(needed.socket_bytes),
        _size(needed.bytes_per_day),
        how,
    )


def _size(count: float) -> str:
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= scale:
            return f"{count / scale:.2g} {unit}" if count < 10 * scale else f"{count / scale:,.0f} {unit}"
    return f"{count / 1e3:,.0f} KB"


def planned(page: str, figures: Figures) -> str:
    """The page with the plan in its place."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{render(figures)}\n{END}{after}"


def refresh(bench_json: str | None) -> None:
    """Write the plan anew, with the figures of a benchmark where one is given."""
    figures = read_figures()
    if bench_json is not None:
        figures = figures_of_bench(json.loads(Path(bench_json).read_text()), figures)
        FIGURES.write_text(
            json.dumps({each.name: getattr(figures, each.name) for each in fields(figures)}, indent=2) + "\n"
        )
    PAGE.write_text(planned(PAGE.read_text(), figures))
