"""Measures what a writer writes."""

from __future__ import annotations

import time
from typing import Sequence

from sqlalchemy import Connection

from server.metrics import Metrics
from server.storage.writers.protocol import Commit, Outcome, WriteBatch


def measured(write: WriteBatch, metrics: Metrics) -> WriteBatch:
    """Wrap ``write`` so that time, batch size and kinds of events are measured."""

    def write_measured(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
        started = time.perf_counter()
        outcomes = write(connection, batch)
        metrics.commit_seconds.observe(time.perf_counter() - started)
        metrics.batch_size.observe(len(batch))
        for commit, outcome in zip(batch, outcomes, strict=True):
            if outcome is None:
                metrics.events.update([each.kind for append in commit.appends for each in append.linked])
        return outcomes

    return write_measured
