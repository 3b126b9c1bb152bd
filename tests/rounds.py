"""Opens a ranked round whose secret is known."""

from __future__ import annotations

from domain.tasks.suites import RANKED_1, Suite
from domain.types import SplitName
from server.ranking.rounds import open_round
from server.security.secret_files import SecretFiles, secrets_folder
from server.settings import Settings
from tests.operating import changed

NOW = "2030-01-01T00:00:00.000Z"


def opened(
    settings: Settings,
    name: str = "spring",
    *,
    allowed: int = 2,
    generator: str = "hand-made",
    suite: Suite = RANKED_1,
    split: SplitName = "test",
) -> None:
    """A round on the database of the settings."""
    files = SecretFiles(secrets_folder(settings))
    changed(
        settings,
        lambda connection: open_round(
            connection,
            files,
            name,
            suite,
            attempts_allowed=allowed,
            now=NOW,
            generator_version=generator,
            split=split,
            draw=lambda count: bytes(range(count)),
        ),
    )
