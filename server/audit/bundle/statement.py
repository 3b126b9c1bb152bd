"""The signed statement of a bundle. It covers contents, not files, so that it does not depend on the layout of the file."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

from domain.chain import canonical, digest_of
from server.audit.checkpoints import StreamHead, heads_hash, statement_hash


def bundle_statement(
    manifest: Mapping[str, Any],
    boards: Sequence[Any],
    heads: Iterable[StreamHead],
    checkpoint: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Manifest, boards, the last event of every episode, and the checkpoint, as one statement.

    Args:
        manifest: with the rounds, the keys, and when and of what the bundle was made.
        boards: one of each round.
        heads: of all episodes in the bundle. A hash covers everything before it, so they cover all events.
        checkpoint: the statement of the checkpoint; None: nothing was recorded yet.
    """
    listed = list(heads)
    return {
        "kind": "bundle",
        "manifest_hash": digest_of(canonical(dict(manifest))).hex(),
        "boards_hash": digest_of(canonical(list(boards))).hex(),
        "streams": len(listed),
        "events": sum(each.version for each in listed),
        "heads_hash": heads_hash(listed),
        "checkpoint_hash": statement_hash(dict(checkpoint)) if checkpoint is not None else None,
    }
