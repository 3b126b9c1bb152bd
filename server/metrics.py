"""Prometheus metrics of a server. The hot path counts with plain integers, which a scrape collects."""

from __future__ import annotations

from collections import Counter
from typing import Any, Iterable, Mapping, Protocol

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from server.version import VERSION

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Cache(Protocol):
    """A cache that counts its hits and misses."""

    hits: int
    misses: int


class Metrics:
    """The measurements of one server process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events: Counter[str] = Counter()
        """Recorded events by kind."""
        self.requests: Counter[tuple[str, str, int]] = Counter()
        """Answered requests by operation, method and status."""
        self.request_seconds = self._histogram("request_seconds", "From a request's head to its answer.", _SECONDS)
        self.commit_seconds = self._histogram("commit_seconds", "One transaction of the writer.", _SECONDS)
        self.batch_size = self._histogram(
            "batch_size", "Appends in one transaction.", (1, 2, 4, 8, 16, 32, 64, 128, 256)
        )
        self.generation_seconds = self._histogram(
            "generation_seconds",
            "Generating one scenario, with the wait for a process.",
            (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
        )

    def text(self) -> bytes:
        """The body of a scrape."""
        return generate_latest(self.registry)

    def _histogram(self, name: str, help_: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"mlops_debug_{name}", help_, buckets=buckets, registry=self.registry)


class Readings(Collector):
    """Collects the metrics that are not histograms at each scrape."""

    def __init__(self, metrics: Metrics, caches: dict[str, Cache]) -> None:
        self._metrics = metrics
        self._caches = caches
        self.gauges: dict[str, float] = {}
        """Set before a scrape is answered."""

    def collect(self) -> Iterable[Metric]:
        events = self._metrics.events.copy()
        yield _counters(
            "requests", "Requests answered.", ("operation", "method", "status"), self._metrics.requests.copy()
        )
        yield _counters("events", "Events recorded.", ("kind",), {(kind,): count for kind, count in events.items()})
        steps = sum(count for kind, count in events.items() if kind not in ("reset", "expire"))
        yield CounterMetricFamily("mlops_debug_steps", "Steps recorded.", value=steps)
        yield _counters("cache_lookups", "Look-ups in a cache.", ("cache", "result"), self._lookups())
        for name, value in self.gauges.items():
            yield GaugeMetricFamily(f"mlops_debug_{name}", name.replace("_", " ").capitalize() + ".", value=value)
        about = GaugeMetricFamily("mlops_debug_info", "The version of the server.", labels=("version",))
        about.add_metric((VERSION,), 1)
        yield about

    def _lookups(self) -> dict[tuple[str, str], int]:
        counted = [(name, cache.hits, cache.misses) for name, cache in self._caches.items()]
        hits = {(name, "hit"): count for name, count, _ in counted}
        return hits | {(name, "miss"): count for name, _, count in counted}


def _counters(name: str, help_text: str, labels: tuple[str, ...], counts: Mapping[Any, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"mlops_debug_{name}", help_text, labels=labels)
    for values, count in counts.items():
        family.add_metric([str(each) for each in values], count)
    return family
