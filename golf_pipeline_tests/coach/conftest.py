"""A finished analysis to coach on, and a server that speaks the wire format of an OpenAI-compatible service."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from golf_pipeline.swing.documents import (
    CandidateSwing,
    Capture,
    Drill,
    EventName,
    Evidence,
    Finding,
    Findings,
    Handedness,
    Metric,
    PlanDay,
    Report,
    Severity,
    SwingEvent,
    SwingSegmentation,
    TimeBase,
    TopIssue,
    Trust,
    View,
)

EVIDENCE = Evidence(metric_id="pelvis_sway", phase=EventName.TOP, value=-0.1432, unit="torso lengths", frame=40)


@pytest.fixture
def metrics() -> tuple[Metric, ...]:
    return (
        Metric(
            id="pelvis_sway",
            name="Pelvis sway",
            phase=EventName.TOP,
            value=-0.1432,
            unit="torso lengths",
            trust=Trust.MEASURED,
            noise=0.04,
            valid_views=(View.FACE_ON,),
            corridor=(-0.1, 0.1),
            frames=(40,),
        ),
        Metric(
            id="x_factor",
            name="X-factor",
            phase=EventName.TOP,
            value=None,
            unit="deg",
            trust=Trust.UNAVAILABLE,
            reason="not measurable from one camera",
            noise=None,
            valid_views=(),
            frames=(),
        ),
    )


@pytest.fixture
def findings() -> Findings:
    sway = Finding(
        fault_id="sway",
        name="Sway",
        severity=Severity.MAJOR,
        confidence="high",
        explanation="The pelvis drifts away from the target in the backswing.",
        evidence=(EVIDENCE,),
        ball_flight=("fat", "thin"),
        causes=("limited trail-hip rotation",),
        drill_ids=("trail_hip_wall",),
    )
    return Findings(overall_level="one main fault", findings=(sway,), positives=(), not_judged=())


@pytest.fixture
def report() -> Report:
    return Report(
        summary="One thing stands out: sway, -0.14 torso lengths at the top.",
        top_issues=(
            TopIssue(
                fault_id="sway",
                title="Sway",
                text="At the top (frame 40) your pelvis had moved 0.14 torso lengths away from the target.",
                severity=Severity.MAJOR,
                evidence=(EVIDENCE,),
            ),
        ),
        drills=(
            Drill(
                drill_id="trail_hip_wall",
                name="Trail hip to the wall",
                how="Stand a hand's width from a wall.",
                dose="3 x 10",
                cue="Turn, do not slide",
                fault_ids=("sway",),
            ),
        ),
        one_week_plan=(PlanDay(day=1, focus="Sway", drill_ids=("trail_hip_wall",)),),
        caveats=(),
    )


@pytest.fixture
def segmentation() -> SwingSegmentation:
    events = tuple(
        SwingEvent(event=name, frame=10 * order, time_s=order / 3, exact_frame=10.0 * order, confidence=0.9)
        for order, name in enumerate(EventName, start=1)
    )
    capture = Capture(
        view=View.FACE_ON,
        view_confidence=0.9,
        handedness=Handedness.RIGHT,
        handedness_confidence=0.9,
        time_base=TimeBase.REAL,
        slow_motion_factor=None,
    )
    candidate = CandidateSwing(top_frame=40, impact_frame=60, complete=True, chosen=True, reason="the only one")
    return SwingSegmentation(capture=capture, events=events, candidates=(candidate,))


class ModelServer:
    """Answers POST /v1/chat/completions with the replies it was given, in turn, and keeps the requests."""

    def __init__(self) -> None:
        self.replies: list[Callable[[], tuple[int, Any]]] = []
        self.requests: list[dict[str, Any]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.requests.append({"path": self.path, "body": json.loads(body)})
                status, answer = owner.replies.pop(0)() if owner.replies else (500, {"error": {"message": "no more"}})
                payload = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, format: str, *args: Any) -> None:
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def say(self, content: object) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        message = {"role": "assistant", "content": text, "refusal": None}
        completion = {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": "test-model-1",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 700, "completion_tokens": 100, "total_tokens": 800},
        }
        self.replies.append(lambda: (200, completion))

    def fail(self, status: int) -> None:
        self.replies.append(lambda: (status, {"error": {"message": "no", "type": "t", "code": "c"}}))

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    server = ModelServer()
    yield server
    server.stop()
