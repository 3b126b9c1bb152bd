"""Makes the bundles of format 1 beside it; was run once, with the last version that writes format 1 (commit 4eb5604).

    python tests/server/audit/bundle/make_format_1.py

`format-1-round.zip` is of a closed round of two agents, `format-1-store.zip` of the whole store with a running episode.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path

from server.app import utc_now
from server.audit.bundle.writer import export_bundle
from server.clock import utc_timestamp
from server.ranking.closing import close_round
from server.scenarios.simulation import InProcessSimulation
from server.security.secret_files import SecretFiles, secrets_folder
from server.settings import Settings
from server.storage.connections import run_read
from tests.served import serving
from tests.server.ranking.test_rounds import key_of, opened

HERE = Path(__file__).parent
READ = {"action_type": "read_config"}
SUBMIT = {"action_type": "submit_diagnosis", "root_cause_file": "config.yaml", "confidence": 0.5}


async def make(settings: Settings) -> str:
    """Play, close, export; the host's public key."""
    async with serving(settings, simulation=InProcessSimulation(), clock=utc_now) as served:
        for key in KEYS:
            served.client.headers["Authorization"] = f"Bearer {key}"
            for entry in (1, 2):
                info = (await served.reset(round="spring", entry=entry))["info"]
                await served.step(info["episode_id"], READ)
                if entry == 1 or key == KEYS[0]:
                    await served.step(info["episode_id"], SUBMIT)
        await served.reset(episode_id="left-running", seed=3)
        here, files = served.services, SecretFiles(secrets_folder(settings))
        await close_round(settings.database_url, here.reader, here.episodes, files, "spring", now=utc_timestamp())
        await here.checkpointer.make()
        for name, round_id in (("format-1-round.zip", "spring"), ("format-1-store.zip", None)):
            path, signer = HERE / name, here.signer
            await run_read(
                settings.database_url,
                lambda opened, path=path, round_id=round_id, signer=signer: export_bundle(
                    opened, signer, path, round_id=round_id, now=utc_timestamp()
                ),
            )
        return here.signer.public_key


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        made = Settings(database_url=f"sqlite:///{folder}/store.db", secrets_folder=f"{folder}/secrets")
        opened(made, generator=InProcessSimulation.generator_version)
        KEYS = [key_of(made, name) for name in ("ann", "bob")]
        (HERE / "format-1.json").write_text(json.dumps({"public_key": asyncio.run(make(made))}) + "\n")
