"""Everything the page of one episode shows, and no more than its viewer may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from domain.chain import verify_chain
from domain.events import DiagnosisSubmitted, EpisodeReset
from domain.scenario import Evidence
from server.episodes.responses import shown_seed
from server.scenarios.repository import CachedScenario
from server.security.session_names import is_guessable
from server.web.pages.episode.artifacts import ArtifactShown, show_artifacts
from server.web.pages.episode.curves import Curves, parse_curves
from server.web.pages.episode.exposure import first_seen
from server.web.pages.episode.grade import GradeShown, show_grade
from server.web.pages.episode.timeline import Entry, Folding, timeline
from server.web.pages.episode_names import number_name
from server.web.pages.visibility import Sight


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeShown:
    """One episode, for one viewer."""

    number: str
    """Its public name."""
    episode_id: str | None
    """Null: this viewer does not know it, and must not learn it here."""
    sight: Sight
    reset: EpisodeReset
    seed: int | str | None
    """Null: not shown while the episode runs."""
    started_at: str
    updated_at: str
    end_reason: str | None
    score: float | None
    total: float
    step_count: int
    chain_breaks: int
    head: str
    """Hash of the last event, hex."""
    position: int
    """Position of the last event: the live feed goes on from here."""
    entries: tuple[Entry, ...]
    artifacts: tuple[ArtifactShown, ...]
    """Empty: not for this viewer."""
    curves: Curves | None
    twin_curves: Curves | None
    grade: GradeShown | None
    planted: tuple[dict[str, Any], ...] | None
    """The faults, each as ``ground_truth`` shows one; null: the episode runs."""
    run_id: str | None
    dataset: str | None
    has_twin: bool

    @property
    def last(self) -> int:
        """Number of the last entry."""
        return len(self.entries) - 1


def show_episode(folding: Folding, held: CachedScenario, sight: Sight, twin: Evidence | None) -> EpisodeShown:
    """``twin`` is looked at only after the end."""
    state, links = folding.state, folding.links
    is_over, is_open = sight == "whole", sight != "public"
    truth, evidence = held.scenario.truth, held.scenario.evidence
    twin = twin if is_over else None
    roots = frozenset(one.root_cause_file for one in truth.planted) if is_over else frozenset()
    seen = first_seen(evidence.artifacts, folding.events)
    artifacts = show_artifacts(evidence, seen, is_over=is_over, twin=twin, roots=roots) if is_open else ()
    submitted = state.last if isinstance(state.last, DiagnosisSubmitted) else None
    return EpisodeShown(
        number=number_name(links[0].position or 0),
        episode_id=links[0].stream_id if is_open else None,
        sight=sight,
        reset=state.reset,
        seed=shown_seed(state) if is_over else None,
        started_at=links[0].recorded_at,
        updated_at=links[-1].recorded_at,
        end_reason=state.ended,
        score=state.score,
        total=state.total_reward,
        step_count=state.step_count,
        chain_breaks=len(verify_chain(links[0].stream_id, links)),
        head="withheld" if is_guessable(state.reset.session, state.reset.key) else links[-1].hash.hex(),
        position=links[-1].position or 0,
        entries=timeline(folding, held.view if is_open else None),
        artifacts=artifacts,
        curves=_curves(artifacts),
        twin_curves=None if twin is None else parse_curves(twin.artifacts["train.log"].splitlines()),
        grade=show_grade(submitted, truth) if submitted is not None and is_over else None,
        planted=tuple(one.reveal() for one in truth.planted) if is_over else None,
        run_id=evidence.run_id if is_open else None,
        dataset=evidence.run_summary.dataset if is_open else None,
        has_twin=twin is not None,
    )


def _curves(artifacts: tuple[ArtifactShown, ...]) -> Curves | None:
    """From the lines that this viewer may see; null: none of them tells of an epoch."""
    lines = [line.text for each in artifacts if each.name == "train.log" for line in each.lines if line.text]
    curves = parse_curves(lines)
    return curves if curves["epoch"] else None
