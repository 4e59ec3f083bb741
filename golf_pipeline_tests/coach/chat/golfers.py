"""Golfers in memory: what the stores would hand out of each, and a model to chat with behind the test's server."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from golf_pipeline.coach.budget import Price
from golf_pipeline.coach.chat.breaker import Breaker
from golf_pipeline.coach.chat.data import ChatSwing, SwingSummary
from golf_pipeline.coach.chat.openai_chat import ChatLimits, ChatModel, ModelCall
from golf_pipeline.coach.coach import coach_swing
from golf_pipeline.coach.documents import Spent
from golf_pipeline.coach.service import connect
from golf_pipeline.swing.compare import SwingComparison, compare_swings
from golf_pipeline.swing.documents import SwingAnalysis
from golf_pipeline.swing.profile import ProfileSwing, SwingProfile, UserContext, build_profile
from golf_pipeline_tests.coach.conftest import ModelServer

NEWEST = datetime(2026, 5, 3, 9, tzinfo=UTC)
SECRET = "Zebra limitations of the golfer"


def chat_swing(analysis_id: str, analysis: SwingAnalysis, recorded_at: datetime) -> ChatSwing:
    """A finished analysis as the stores hand it out."""
    assert analysis.capture is not None
    assert analysis.findings is not None
    assert analysis.report is not None
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


@dataclass
class Golfer:
    """One golfer's data: analyses by id, newest first, a week apart; what was asked for is kept."""

    analyses: dict[str, SwingAnalysis]
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def recorded_at(self, analysis_id: str) -> datetime:
        return NEWEST - timedelta(weeks=list(self.analyses).index(analysis_id))

    def profile(self) -> SwingProfile | None:
        self.asked.append(("profile",))
        swings = []
        for analysis_id, analysis in self.analyses.items():
            swing = chat_swing(analysis_id, analysis, self.recorded_at(analysis_id))
            swings.append(
                ProfileSwing(
                    analysis_id=analysis_id,
                    recorded_at=swing.recorded_at,
                    view=swing.capture.view,
                    handedness=swing.capture.handedness,
                    time_base=swing.capture.time_base,
                    metrics=swing.metrics,
                    findings=swing.findings,
                    coaching_response="",
                )
            )
        return build_profile("ann", swings, UserContext(limitations=SECRET, goals=SECRET)) if swings else None

    def recent_swings(self, limit: int) -> tuple[SwingSummary, ...]:
        return tuple(
            SwingSummary(analysis_id=one, recorded_at=self.recorded_at(one), status="AI_COMPLETED")
            for one in list(self.analyses)[:limit]
        )

    def swing(self, analysis_id: str) -> ChatSwing | None:
        self.asked.append(("swing", analysis_id))
        analysis = self.analyses.get(analysis_id)
        return chat_swing(analysis_id, analysis, self.recorded_at(analysis_id)) if analysis else None

    def comparison(self, first_id: str, second_id: str) -> SwingComparison | None:
        self.asked.append(("comparison", first_id, second_id))
        if first_id not in self.analyses or second_id not in self.analyses:
            return None
        return compare_swings(self.analyses[first_id], self.analyses[second_id])


def with_sway(analysis: SwingAnalysis, value: float) -> SwingAnalysis:
    """The same swing with another pelvis sway at the top."""
    assert analysis.findings is not None
    metrics = (analysis.metrics[0].model_copy(update={"value": value}), *analysis.metrics[1:])
    finding = analysis.findings.findings[0]
    evidence = finding.evidence[0].model_copy(update={"value": value})
    found = (finding.model_copy(update={"evidence": (evidence,)}),)
    findings = analysis.findings.model_copy(update={"findings": found if value < -0.1 else ()})
    return analysis.model_copy(update={"metrics": metrics, "findings": findings})


def golfer_with(analysis: SwingAnalysis, values: Sequence[float] = (-0.1432, -0.35)) -> Golfer:
    """A golfer whose swings, newest first, differ in their pelvis sway."""
    return Golfer({f"swing-{n}00000": with_sway(analysis, value) for n, value in enumerate(values, start=1)})


@dataclass
class Ledger:
    """A golfer's and everybody's budget in memory."""

    usd: float = 0.0
    used_up: Literal["", "user", "all"] = ""
    reserved: list[float] = field(default_factory=list)

    def reserve(self, usd: float) -> Literal["", "user", "all"]:
        if not self.used_up:
            self.usd += usd
            self.reserved.append(usd)
        return self.used_up

    def settle(self, reserved_usd: float, spent: Spent) -> None:
        self.usd += spent.usd - reserved_usd


@dataclass
class Calls:
    """An observer that keeps what it is told."""

    calls: list[ModelCall] = field(default_factory=list)

    def called(self, call: ModelCall) -> None:
        self.calls.append(call)

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(call.kind, call.outcome) for call in self.calls]


def chat_model(server: ModelServer, **more: Any) -> ChatModel:
    """A chat model behind the server, which it asks once and not for long."""
    breaker = more.pop("breaker", None) or Breaker("test", failures=5, reset_s=3600)
    observer = more.pop("observer", None)
    limits = ChatLimits(**{"retries": 0, "timeout_s": 5.0} | more)
    client = connect("test-key", server.url, timeout_s=limits.timeout_s, retries=0)
    return ChatModel(client, "test-model", Price(1.0, 4.0, 100), limits, breaker, observer)
