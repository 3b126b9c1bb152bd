"""One crash after the other, and the accounts after each."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import httpx

from domain.chain import Link, canonical, verify_chain
from tests.crash.agents import Agent, Played
from tests.e2e.playing import Json
from tests.e2e.running import ServerProcess

AGENTS = 12
ANSWERS = (1, 150)
"""Fewest and most answers before a kill: counted, so that a slow machine is not killed before it did anything."""
LAST_SECONDS = 0.02
"""Within this time after them the kill comes."""


@dataclass(slots=True)
class Account:
    """What was checked, and what was found."""

    kills: int = 0
    acknowledged: int = 0
    """Acknowledged events looked for after the last crash."""
    with_hash: int = 0
    """Those of them whose hash had been given out."""
    continued: int = 0
    """Episodes that were cut off by a crash and went on."""
    lost: list[str] = field(default_factory=list)
    """What is missing or different, in words."""

    def summary(self) -> str:
        return (
            f"{self.kills} kills: {self.acknowledged} acknowledged events checked, {self.with_hash} of them by the hash "
            f"that was given out, {len(self.lost)} lost; {self.continued} unfinished episodes went on"
        )


async def crash(server: ServerProcess, *, kills: int, seed: int) -> Account:
    """Load, kill and restart a server that runs; at the end it runs, and every episode is over."""
    drawn = random.Random(seed)
    account = Account()
    agents = [Agent(f"a{number}", number) for number in range(AGENTS)]
    for _ in range(kills):
        await _load_and_kill(server, agents, drawn)
        account.kills += 1
        await asyncio.to_thread(server.start)
        # The last episodes of each agent only: the accounts of all are done at the end.
        await _check(server, [each.played[-2:] for each in agents], account)
    cut_off = [each for each in agents if each.unfinished is not None]
    await asyncio.gather(*(each.play(server, episodes=1) for each in agents))
    account.continued += len(cut_off)
    account.acknowledged = account.with_hash = 0
    await _check(server, [each.played for each in agents], account)
    return account


async def _load_and_kill(server: ServerProcess, agents: list[Agent], drawn: random.Random) -> None:
    enough = sum(each.answers for each in agents) + drawn.randint(*ANSWERS)
    playing = [asyncio.create_task(each.play(server)) for each in agents]
    while sum(each.answers for each in agents) < enough:
        # No agent stops by itself: one that does was refused something, or its server died.
        if (await asyncio.wait(playing, timeout=0.005, return_when=asyncio.FIRST_COMPLETED))[0]:
            await asyncio.gather(*playing)
            raise AssertionError("the server died by itself")
    await asyncio.sleep(drawn.uniform(0, LAST_SECONDS))
    await asyncio.to_thread(server.kill)
    await asyncio.gather(*playing)


async def _check(server: ServerProcess, played: list[list[Played]], account: Account) -> None:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, verify=False, timeout=60) as http:
        for each in (one for group in played for one in group):
            response = await http.get(f"/episodes/{each.episode_id}/events")
            if response.status_code == 404 and each.answered == 0:
                continue  # killed before its reset was recorded, and not acknowledged
            _compare(each, response.json() if response.status_code == 200 else [], account)


def _compare(played: Played, events: list[Json], account: Account) -> None:
    def lose(what: str) -> None:
        account.lost.append(f"{played.episode_id}: {what}")

    if [each["version"] for each in events] != list(range(1, len(events) + 1)):
        lose("a version is missing or there twice")
    # The step under way may have been recorded without its answer; nothing else may be there.
    if not played.answered <= len(events) <= played.answered + 1:
        lose(f"{len(events)} events, {played.answered} acknowledged")
    for broken in verify_chain(played.episode_id, [_link(each) for each in events]):
        lose(f"version {broken.version}: {broken.fault}")
    account.acknowledged += played.answered
    for version in range(1, played.answered + 1):
        if version > len(events):
            lose(f"version {version} is gone")
        elif events[version - 1]["request_id"] != played.request_id(version):
            lose(f"version {version} is another step")
    account.with_hash += len(played.hashes)
    for version, known in played.hashes.items():
        if version > len(events) or events[version - 1]["hash"] != known:
            lose(f"version {version} does not have the hash that was given out")


def _link(event: Json) -> Link:
    payload = event["payload"]
    return Link(
        stream_id=event["stream_id"],
        version=event["version"],
        position=event["position"],
        kind=event["kind"],
        schema_version=event["schema_version"],
        recorded_at=event["recorded_at"],
        actor=event["actor"],
        request_id=event["request_id"],
        payload=None if payload is None else canonical(payload),
        payload_digest=bytes.fromhex(event["payload_digest"]),
        prev_hash=bytes.fromhex(event["prev_hash"]),
        hash=bytes.fromhex(event["hash"]),
    )
