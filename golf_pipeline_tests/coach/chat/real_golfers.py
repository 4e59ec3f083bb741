"""Golfers for the tests of the rules: `GolferData` out of analyses that are handed in, and those of real landmarks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from pathlib import Path

from golf_pipeline.coach.chat.data import ChatSwing, SwingSummary
from golf_pipeline.coach.chat.documents import ChatMessage, Conversation, MessageRole
from golf_pipeline.coach.coach import coach_swing
from golf_pipeline.swing.advice import write_report
from golf_pipeline.swing.analysis import assemble_analysis
from golf_pipeline.swing.compare import SwingComparison, compare_swings
from golf_pipeline.swing.documents import SwingAnalysis, SwingSegmentation
from golf_pipeline.swing.errors import SwingNotFound
from golf_pipeline.swing.events import segment_swing
from golf_pipeline.swing.faults import find_faults
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.metrics import measure_swing
from golf_pipeline.swing.profile import ProfileSwing, SwingProfile, UserContext, build_profile
from golf_pipeline.training.golfdb import read_clips

START = datetime(2026, 5, 3, 9, 0, tzinfo=UTC)


@dataclass
class RealGolfer:
    """A golfer with finished analyses, oldest first (`swing-000`, a week later `swing-001`), and perhaps other videos.

    Like the stored golfer's, nothing is made twice; `asked_for` keeps what was.
    """

    analyses: Sequence[SwingAnalysis] = ()
    others: Sequence[SwingSummary] = ()
    context: UserContext | None = None
    has_profile: bool = True
    days_apart: float = 7
    asked_for: list[str] = field(default_factory=list)

    @cached_property
    def swings(self) -> dict[str, ChatSwing]:
        ids = {f"swing-{place:03d}": one for place, one in enumerate(self.analyses)}
        gap = timedelta(days=self.days_apart)
        return {name: chat_swing(one, name, START + place * gap) for place, (name, one) in enumerate(ids.items())}

    @cached_property
    def stored_profile(self) -> SwingProfile | None:
        return build_profile("ann", [of_profile(one) for one in self.swings.values()], self.context)

    def profile(self) -> SwingProfile | None:
        self.asked_for.append("profile")
        return self.stored_profile if self.analyses and self.has_profile else None

    def recent_swings(self, limit: int) -> tuple[SwingSummary, ...]:
        self.asked_for.append("recent_swings")
        finished = [
            SwingSummary(analysis_id=one.analysis_id, recorded_at=one.recorded_at, status="AI_COMPLETED")
            for one in self.swings.values()
        ]
        newest_first = sorted([*finished, *self.others], key=lambda one: one.recorded_at, reverse=True)
        return tuple(newest_first[:limit])

    def swing(self, analysis_id: str) -> ChatSwing | None:
        self.asked_for.append(analysis_id)
        return self.swings.get(analysis_id)

    @cached_property
    def _comparisons(self) -> dict[tuple[str, str], SwingComparison]:
        return {}

    def comparison(self, first_id: str, second_id: str) -> SwingComparison | None:
        self.asked_for.append(f"{first_id} against {second_id}")
        analyses = dict(zip(self.swings, self.analyses, strict=True))
        if {first_id, second_id} - set(analyses):
            return None
        if (first_id, second_id) not in self._comparisons:
            self._comparisons[first_id, second_id] = compare_swings(analyses[first_id], analyses[second_id])
        return self._comparisons[first_id, second_id]


def chat_swing(analysis: SwingAnalysis, analysis_id: str, recorded_at: datetime) -> ChatSwing:
    """An analysis as the stores hand it out."""
    assert analysis.capture is not None and analysis.findings is not None and analysis.report is not None
    return ChatSwing(
        analysis_id=analysis_id,
        recorded_at=recorded_at,
        capture=analysis.capture,
        events=analysis.events,
        metrics=analysis.metrics,
        findings=analysis.findings,
        report=analysis.report,
        ai_analysis=coach_swing(analysis),
    )


def of_profile(swing: ChatSwing) -> ProfileSwing:
    """A swing as a profile is made from it."""
    return ProfileSwing(
        analysis_id=swing.analysis_id,
        recorded_at=swing.recorded_at,
        view=swing.capture.view,
        handedness=swing.capture.handedness,
        time_base=swing.capture.time_base,
        metrics=swing.metrics,
        findings=swing.findings,
        coaching_response="",
    )


def said_before(*messages: tuple[MessageRole, str, str | None]) -> Conversation:
    """A conversation of messages, oldest first, each with its role, its content and the swing that it is about."""
    return Conversation(
        conversation_id="c1",
        user_id="ann",
        created_at=START,
        last_updated=START,
        recent_messages=tuple(
            ChatMessage(message_id=str(place), role=role, content=content, timestamp=START, swing_reference=about)
            for place, (role, content, about) in enumerate(messages)
        ),
    )


def asked_before(*messages: str, about: str | None = None) -> Conversation:
    """A conversation in which the golfer asked this, oldest first."""
    return said_before(*((MessageRole.USER, message, about) for message in messages))


def analysed(track: LandmarkTrack) -> SwingAnalysis:
    seen = segment_swing(track)
    measured = measure_swing(track, seen)
    findings = find_faults(measured, seen)
    report = write_report(findings, measured, seen)
    return assemble_analysis(track=track, segmentation=seen, measured=measured, findings=findings, advice_report=report)


@lru_cache
def real_swings(golfdb: Path) -> tuple[tuple[SwingAnalysis, SwingAnalysis], ...]:
    """GolfDB's labelled swings in which one was found, each with its mirror image."""
    pairs = []
    for clip in read_clips(golfdb / "landmarks.parquet", golfdb / "events.csv"):
        try:
            pairs.append((analysed(clip.track), analysed(clip.track.mirrored())))
        except SwingNotFound:
            continue
    return tuple(pairs)


def with_readings(analysis: SwingAnalysis, **values: float) -> SwingAnalysis:
    """A real swing with other numbers (`pelvis_sway_at_top=-0.2`), judged and reported anew."""
    wanted = {tuple(name.split("_at_")): value for name, value in values.items()}
    metrics = tuple(
        one.model_copy(update={"value": wanted[one.id, str(one.phase)]}) if (one.id, str(one.phase)) in wanted else one
        for one in analysis.metrics
    )
    assert analysis.capture is not None
    seen = SwingSegmentation(capture=analysis.capture, events=analysis.events, candidates=analysis.candidates)
    findings = find_faults(metrics, seen)
    report = write_report(findings, metrics, seen)
    return analysis.model_copy(update={"metrics": metrics, "findings": findings, "report": report})
