"""View model of an episode's page: no more than its viewer may see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from domain.chain import verify_chain
from domain.diagnosis import PatchEntry
from domain.events import DiagnosisSubmitted, EpisodeReset, FieldQueried
from domain.families import family_of
from domain.rubric import rubric_of
from domain.scenario import Composition, Evidence, Truth
from domain.tasks.table import TASKS
from domain.types import ArtifactName
from server.episodes.responses import shown_seed
from server.scenarios.repository import CachedScenario
from server.security.session_names import is_guessable
from server.web.pages.episode.artifacts import ArtifactView, build_artifact_views
from server.web.pages.episode.changes import Cause
from server.web.pages.episode.curves import Curves, parse_curves
from server.web.pages.episode.documents import Documents
from server.web.pages.episode.experiments import RunRow, build_run_rows
from server.web.pages.episode.exposure import line_exposure
from server.web.pages.episode.grade import GradeView, build_grade_view
from server.web.pages.episode.measurements import Difference, build_differences
from server.web.pages.episode.slices import SlicesView, build_slices_view
from server.web.pages.episode.sources import SourcesView, build_sources_view
from server.web.pages.episode.timeline import FoldedStream, TimelineEntry, build_timeline
from server.web.pages.episode_names import RunPlace, place_in_run, public_name
from server.web.pages.visibility import Visibility

_SENTENCE_END = re.compile(r"(?<=\.) (?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeView:
    """One episode, for one viewer."""

    number: str
    """Its public name."""
    episode_id: str | None
    """None: this viewer must not learn it."""
    visibility: Visibility
    reset: EpisodeReset
    family: str
    """Of the run."""
    seed: int | str | None
    """None: hidden while the episode runs or is sealed."""
    started_at: str
    updated_at: str
    end_reason: str | None
    score: float | None
    total: float
    step_count: int
    experiments_left: int
    chain_breaks: int
    head: str
    """Hash of the last event, hex."""
    position: int
    """Position of the last event: the live feed continues from here."""
    entries: tuple[TimelineEntry, ...]
    artifacts: tuple[ArtifactView, ...]
    """Empty: hidden from this viewer."""
    runs: tuple[RunRow, ...]
    """The run and the experiments on it; empty: none was run, or they are hidden from this viewer."""
    sources: SourcesView | None
    slices: SlicesView | None
    differences: tuple[Difference, ...]
    """What the checks measured otherwise than of the healthy twin; empty: the episode runs, or there is no twin."""
    curves: Curves | None
    twin_curves: Curves | None
    grade: GradeView | None
    planted: tuple[dict[str, Any], ...] | None
    """The faults, each as in ``ground_truth``; None: the episode runs or is sealed."""
    run_id: str | None
    dataset: str | None
    has_twin: bool

    @property
    def is_sealed(self) -> bool:
        """Whether it is over and its outcome is withheld from this viewer until its round closes."""
        return self.end_reason is not None and self.visibility != "full"

    @property
    def run(self) -> RunPlace | None:
        """The run that the id names; None: none, or the episode runs, or this viewer must not learn the id."""
        return None if self.episode_id is None or self.visibility != "full" else place_in_run(self.episode_id)

    @property
    def task_description(self) -> str:
        """What the agent was asked to do, in the words of the episode's rubric."""
        return TASKS[self.reset.task_id].describe(rubric_of(self.reset.rubric_version))

    @property
    def task_paragraphs(self) -> list[str]:
        """The same in paragraphs of a few sentences; the first says what to find."""
        sentences = _SENTENCE_END.split(self.task_description)
        opening = 2
        rest = sentences[opening:]
        return [" ".join(sentences[:opening]), *(" ".join(rest[at : at + 4]) for at in range(0, len(rest), 4))]

    @property
    def last(self) -> int:
        """Number of the last entry."""
        return len(self.entries) - 1


def build_episode_view(
    stream: FoldedStream, cached: CachedScenario, visibility: Visibility, twin: Evidence | None
) -> EpisodeView:
    """The view of an episode; ``twin`` is used only where everything is visible."""
    state, links = stream.state, stream.links
    is_over, is_open = visibility == "full", visibility != "public"
    truth, evidence = cached.scenario.truth, cached.scenario.evidence
    twin = twin if is_over else None
    causes = _causes(truth) if is_over else ()
    # Of a document with blocks its contents only: a block is shown by the step that queried it.
    texts = {name: cached.view.shown_text(name) for name in evidence.artifacts}
    exposure = line_exposure(texts, stream.events)
    blocks = {name: _queries_of(name, stream) for name, shown in texts.items() if shown != evidence.artifacts[name]}
    artifacts = (
        build_artifact_views(texts, exposure, is_over=is_over, twin=twin, causes=causes, block_steps=blocks)
        if is_open
        else ()
    )
    documents = Documents(texts, exposure, is_over=is_over)
    entries = build_timeline(stream, cached.view if is_open else None, shows_answer=is_over)
    curves = _curves(artifacts)
    submitted = state.last if isinstance(state.last, DiagnosisSubmitted) else None
    return EpisodeView(
        number=public_name(links[0].position or 0),
        episode_id=links[0].stream_id if is_open else None,
        visibility=visibility,
        reset=state.reset,
        family=family_of(truth),
        seed=shown_seed(state) if is_over else None,
        started_at=links[0].recorded_at,
        updated_at=links[-1].recorded_at,
        end_reason=state.ended,
        score=state.score,
        total=state.total_reward,
        step_count=state.step_count,
        experiments_left=state.experiments_left,
        chain_breaks=len(verify_chain(links[0].stream_id, links)),
        head="withheld" if is_guessable(state.reset.session, state.reset.key) else links[-1].hash.hex(),
        position=links[-1].position or 0,
        entries=entries,
        artifacts=artifacts,
        runs=build_run_rows(entries, documents, curves),
        sources=build_sources_view(documents, causes) if is_open else None,
        slices=(build_slices_view(evidence, stream.events, documents, causes=causes, twin=twin) if is_open else None),
        differences=build_differences(evidence, twin, stream.events) if twin is not None else (),
        curves=curves,
        twin_curves=None if twin is None else parse_curves(twin.artifacts["train.log"].splitlines()),
        grade=build_grade_view(submitted, truth) if submitted is not None and is_over else None,
        planted=tuple(one.reveal() for one in truth.planted) if is_over else None,
        run_id=evidence.run_id if is_open else None,
        dataset=evidence.run_summary.dataset if is_open else None,
        has_twin=twin is not None,
    )


def _queries_of(name: ArtifactName, stream: FoldedStream) -> tuple[int, ...]:
    """The steps that queried an artifact, with an answer."""
    return tuple(
        step for step, event in enumerate(stream.events) if isinstance(event, FieldQueried) and event.artifact == name
    )


def _causes(truth: Truth | Composition) -> tuple[Cause, ...]:
    """What the root causes declare, with their repairs."""
    return tuple(
        Cause(one.root_cause_file, one.root_cause_field, ", ".join(map(_repair, one.patch)))
        for one in truth.planted
        if one.root_cause_file is not None and one.root_cause_field is not None
    )


def _repair(entry: PatchEntry) -> str:
    return f"{entry.field} = {'null' if entry.value is None else entry.value}"


def _curves(artifacts: tuple[ArtifactView, ...]) -> Curves | None:
    """Curves from the lines that this viewer may see; None: none of them reports an epoch."""
    lines = [line.text for each in artifacts if each.name == "train.log" for line in each.lines if line.text]
    curves = parse_curves(lines)
    return curves if curves["epoch"] else None
