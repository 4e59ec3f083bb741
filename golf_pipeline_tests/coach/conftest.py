"""A finished analysis to coach on, and a server that speaks the wire format of an OpenAI-compatible service."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from golf_pipeline.coach.budget import CoachLimits, Price
from golf_pipeline.coach.coach import CoachModel, facts_of
from golf_pipeline.coach.facts import SwingFacts
from golf_pipeline.coach.service import connect
from golf_pipeline.swing.documents import (
    CandidateSwing,
    Capture,
    Drill,
    EventName,
    Evidence,
    Finding,
    Findings,
    Handedness,
    KeyFrame,
    Metric,
    PlanDay,
    Report,
    Severity,
    SwingAnalysis,
    SwingEvent,
    SwingSegmentation,
    TimeBase,
    TopIssue,
    Trust,
    View,
)

EVIDENCE = Evidence(metric_id="pelvis_sway", phase=EventName.TOP, value=-0.1432, unit="torso lengths", frame=40)


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def report() -> Report:
    return Report(
        summary="One thing stands out: sway, your pelvis at -0.14 torso lengths at the top.",
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


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def analysis(
    findings: Findings, metrics: tuple[Metric, ...], segmentation: SwingSegmentation, report: Report
) -> SwingAnalysis:
    return SwingAnalysis(
        status="analysed",
        algorithm_versions={},
        capture=segmentation.capture,
        events=segmentation.events,
        candidates=segmentation.candidates,
        metrics=metrics,
        findings=findings,
        report=report,
        key_frames=tuple(
            KeyFrame(
                phase=event.event.value,
                event=event.event,
                frame_number=event.frame,
                timestamp=event.time_s,
                description="a key frame",
                file_name=f"frame_{event.frame:03d}_Frame_at_{event.time_s:.2f}s.jpg",
            )
            for event in segmentation.events
        ),
    )


@pytest.fixture
def facts(analysis: SwingAnalysis) -> SwingFacts:
    return facts_of(analysis)


GOOD: dict[str, Any] = {
    "summary": "Your hips slide away from the target before they turn.",
    "claims": [
        {
            "fault_id": "sway",
            "evidence": "pelvis_sway@top",
            "what_happens": "At the top your pelvis has drifted away from the target.",
            "why_it_matters": "The low point of the arc moves with you, so fat and thin contact comes easily.",
            "what_to_feel": "Feel your trail hip turn behind you.",
        }
    ],
    "praise": [],
    "encouragement": "One clear thing to work on is a good place to be.",
}
"""An answer that says what the findings carry and nothing else."""


def with_claim(**texts: str) -> dict[str, Any]:
    """`GOOD` with other texts in its claim."""
    return GOOD | {"claims": [GOOD["claims"][0] | texts]}


SMALL_USAGE = {"prompt_tokens": 300, "completion_tokens": 30, "total_tokens": 330}


class ModelServer:
    """Answers POST /v1/chat/completions with the replies it was given, in turn, and keeps the requests.

    A request that OpenAI's service would refuse is refused here as well, with 400 and what is wrong with it: messages,
    picture parts, and a response format whose schema is not strict. `complaints` keeps the reasons.
    """

    def __init__(self) -> None:
        self.replies: list[Callable[[], Reply]] = []
        self.requests: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                owner.requests.append({"path": self.path, "body": body, "key": self.headers["Authorization"]})
                wrong = refused_by_the_service(self.path, body)
                if wrong:
                    owner.complaints.append(wrong)
                    reply = Reply(400, {"error": {"message": wrong, "type": "invalid_request_error"}})
                else:
                    reply = owner.replies.pop(0)() if owner.replies else Reply(500, {"error": {"message": "no more"}})
                pieces = reply.body if reply.every_s is not None else [_as_bytes(reply.body)]
                try:
                    self.send_response(reply.status)
                    self.send_header("Content-Type", reply.content_type)
                    self.send_header("Content-Length", str(sum(map(len, pieces))))
                    for name, value in reply.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    for piece in pieces:
                        self.wfile.write(piece)
                        self.wfile.flush()
                        time.sleep(reply.every_s or 0.0)
                except ConnectionError:
                    return  # the client has given up waiting, as it should

            def log_message(self, format: str, *args: Any) -> None:
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def say(
        self,
        content: object,
        *,
        usage: bool = True,
        finish: str = "stop",
        refusal: str | None = None,
        more: dict[str, Any] | None = None,
    ) -> None:
        text = content if isinstance(content, str) or content is None else json.dumps(content)
        message = {"role": "assistant", "content": text, "refusal": refusal}
        completion = {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": "test-model-1",
            "choices": [{"index": 0, "finish_reason": finish, "message": message, "logprobs": None}],
        }
        if usage:
            completion["usage"] = {"prompt_tokens": 700, "completion_tokens": 100, "total_tokens": 800}
        self.reply(200, completion | (more or {}))

    def call_tools(self, *calls: tuple[str, object], **more: Any) -> None:
        """Answer with calls of tools: names, and arguments as JSON or as a text that is none."""
        made = [
            {
                "id": f"call_{number}",
                "type": "function",
                "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)},
            }
            for number, (name, given) in enumerate(calls)
        ]
        message = {"role": "assistant", "content": None, "tool_calls": made}
        choice = {"index": 0, "finish_reason": "tool_calls", "message": message, "logprobs": None}
        self.say(None, more={"choices": [choice], "usage": SMALL_USAGE} | more)

    def fail(self, status: int, message: str = "no", param: str | None = None, **headers: str) -> None:
        error = {"error": {"message": message, "type": "t", "code": "c", "param": param}}
        self.reply(status, error, **headers)

    def reply(self, status: int, body: Any, content_type: str = "application/json", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.replies.append(lambda: Reply(status, body, content_type, named))

    def sleep(self, seconds: float) -> None:
        def late() -> Reply:
            time.sleep(seconds)
            return Reply(500, {})

        self.replies.append(late)

    def dribble(self, pieces: int, every_s: float) -> None:
        """Answer with empty lines, as services do that keep a connection open while their model thinks."""
        self.replies.append(lambda: Reply(200, [b"\n"] * pieces, every_s=every_s))

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    every_s: float | None = None  # the body is a list of pieces, sent so far apart


def _as_bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def refused_by_the_service(path: str, body: dict[str, Any]) -> str:
    """What OpenAI's service would refuse the request for, or nothing."""
    if path != "/v1/chat/completions":
        return f"unknown path {path}"
    if unknown := set(body) - {
        *("model", "messages", "response_format", "temperature", "seed", "max_completion_tokens", "max_tokens"),
        *("tools", "tool_choice"),
    }:
        return f"unknown parameters {unknown}"
    for message in body["messages"]:
        if message["role"] not in {"system", "user", "assistant"}:
            return f"unknown role {message['role']}"
        parts = message["content"]
        for part in parts if isinstance(parts, list) else [{"type": "text", "text": parts}]:
            if part["type"] == "text" and isinstance(part["text"], str):
                continue
            url = part.get("image_url", {}).get("url", "")
            if part["type"] != "image_url" or not url.startswith("data:image/jpeg;base64,"):
                return "a part is neither text nor a picture"
            if not base64.b64decode(url.partition(",")[2], validate=True).startswith(b"\xff\xd8"):
                return "a picture is no JPEG"
            if part["image_url"].get("detail") not in {"low", "high", "auto"}:
                return "unknown detail"
    for tool in body.get("tools", ()):
        function = tool["function"]
        if tool["type"] != "function" or not function["strict"] or not function["name"].isidentifier():
            return "a tool is not strict"
        if wrong := not_strict(function["parameters"]):
            return wrong
    if "tools" in body:
        return "" if "response_format" not in body else "a format besides tools is not asked for here"
    form = body["response_format"]
    if form["type"] == "json_object":
        return "" if "json" in json.dumps(body["messages"]).lower() else "JSON mode needs the word in the messages"
    if form["type"] != "json_schema" or not form["json_schema"]["strict"] or not form["json_schema"]["name"]:
        return "the response format is not strict"
    return not_strict(form["json_schema"]["schema"])


def not_strict(schema: dict[str, Any]) -> str:
    """What keeps a JSON schema from being strict: every property required, nothing else allowed, enums not empty."""
    if schema["type"] == "object":
        if schema.get("additionalProperties") is not False:
            return "additionalProperties must be false"
        if sorted(schema["required"]) != sorted(schema["properties"]):
            return "every property must be required"
        return next(filter(None, map(not_strict, schema["properties"].values())), "")
    if schema["type"] == "array":
        return not_strict(schema["items"])
    if schema["type"] not in {"string", "integer", "number", "boolean"}:
        return f"unknown type {schema['type']}"
    if "enum" in schema and not schema["enum"]:
        return "an enum is empty"
    return ""


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    server = ModelServer()
    yield server
    server.stop()


def model_of(server: ModelServer, **more: Any) -> CoachModel:
    """A model behind the server, without repeats and with a short time-out."""
    retries, timeout_s = more.pop("retries", 0), more.pop("timeout_s", 5.0)
    return CoachModel(
        client=connect("test-key", server.url, timeout_s=timeout_s, retries=retries),
        name="test-model",
        price=Price(1.0, 4.0, image_tokens=100),
        limits=CoachLimits(**more),
    )
