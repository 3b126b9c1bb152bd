"""The signed statement of a bundle. It covers contents, not files, so that it does not depend on the layout of the file."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Sequence

from domain.chain import canonical, digest_of
from server.audit.checkpoints import statement_hash


class HeadsSummary(NamedTuple):
    """The heads of all episodes in a bundle. A hash covers everything before it, so they cover all events."""

    streams: int
    events: int
    heads_hash: str


def bundle_statement(
    manifest: Mapping[str, Any],
    boards: Sequence[Any],
    heads: HeadsSummary,
    checkpoint: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Manifest, boards, the last event of every episode, and the checkpoint, as one statement.

    Args:
        manifest: with the rounds, the keys, and when and of what the bundle was made.
        boards: one of each round.
        heads: of all episodes in the bundle.
        checkpoint: the statement of the checkpoint; None: nothing was recorded yet.
    """
    return {
        "kind": "bundle",
        "manifest_hash": digest_of(canonical(dict(manifest))).hex(),
        "boards_hash": digest_of(canonical(list(boards))).hex(),
        **heads._asdict(),
        "checkpoint_hash": statement_hash(dict(checkpoint)) if checkpoint is not None else None,
    }
