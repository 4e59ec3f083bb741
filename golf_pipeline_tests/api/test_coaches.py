"""A coach's session, from its players' consent to the result, over a real S3 and a real queue."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3
import httpx
import pytest

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.events import parse_s3_notification
from golf_pipeline.storage.listing import list_swings
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import Status
from golf_pipeline.swing.documents import SwingAnalysis
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline_tests.api.conftest import Serve
from golf_pipeline_tests.api.finished import Swings
from golf_pipeline_tests.api.issuer import TestIssuer
from golf_pipeline_tests.api.people import name_coaches
from golf_pipeline_tests.api.test_video import analysis
from golf_pipeline_tests.coach.conftest import findings, metrics, report, segmentation

__all__ = ["analysis", "findings", "metrics", "report", "segmentation"]

PLUS = "/api/coaches/plus"


@dataclass(frozen=True)
class Queue:
    client: Any
    url: str
    endpoint: str

    @property
    def settings(self) -> dict[str, str]:
        return {"queue_url": self.url, "sqs_endpoint_url": self.endpoint}

    def bodies(self) -> dict[str, str]:
        """Message bodies by id, taken off the queue."""
        messages = self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
        return {message["MessageId"]: message["Body"] for message in messages}


@pytest.fixture
def queue(s3_url: str, store: ObjectStore) -> Iterator[Queue]:
    del store  # it sets the credentials of this test
    client = boto3.client("sqs", endpoint_url=s3_url, region_name="us-east-1")
    url = client.create_queue(QueueName=f"uploads-{uuid4().hex[:8]}")["QueueUrl"]
    yield Queue(client, url, s3_url)
    client.delete_queue(QueueUrl=url)


@dataclass(frozen=True)
class Coach:
    """A client of the API that is signed in as a coach."""

    api: httpx.Client
    headers: dict[str, str]

    def session(self, *players: str, **fields: object) -> str:
        body = {"title": "Tuesday", "player_ids": list(players), "notes": "wedges"} | fields
        answer = self.api.post(f"{PLUS}/sessions", json=body, headers=self.headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["session_id"])

    def initiate(self, session_id: str, **fields: object) -> httpx.Response:
        body = {"session_id": session_id, "sample_fps": 30, "include_frames": False} | fields
        return self.api.post(f"{PLUS}/videos/upload/initiate", json=body, headers=self.headers)

    def complete(self, job_id: str) -> httpx.Response:
        return self.api.post(f"{PLUS}/videos/upload/complete", json={"job_id": job_id}, headers=self.headers)

    def job(self, job_id: str) -> httpx.Response:
        return self.api.get(f"{PLUS}/analysis-jobs/{job_id}", headers=self.headers)


@pytest.fixture
def carl(api: httpx.Client, tokens: TestIssuer) -> Coach:
    """Ann's coach."""
    name_coaches(api, tokens, "ann", "carl")
    return Coach(api, tokens.headers("carl", "coach"))


def put(upload: httpx.Response, body: bytes = b"video") -> None:
    told = upload.json()
    assert httpx.put(told["presigned_url"], content=body, headers=told["headers"]).status_code == 200


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_session_says_which_players_have_agreed(carl: Coach) -> None:
    body = {"title": " <b>Tuesday</b> group ", "player_ids": ["ann", "bob", "ann", "carl"], "notes": "wedges"}
    answer = carl.api.post(f"{PLUS}/sessions", json=body, headers=carl.headers)
    session = answer.json()
    assert (answer.status_code, session["title"], session["player_ids"]) == (
        201,
        "Tuesday group",
        ["ann", "bob", "carl"],
    )
    assert {one["player_id"]: one["agreed"] for one in session["players"]} == {"ann": True, "bob": False, "carl": True}


def test_a_session_has_limits(carl: Coach) -> None:
    fine = {"title": "Tuesday", "player_ids": ["ann"], "notes": ""}
    for wrong in (
        {"title": ""},
        {"title": "<b></b>"},
        {"title": "x" * 201},
        {"player_ids": ["p"] * 51},
        {"player_ids": ["guest"]},
        {"player_ids": ["../ann"]},
        {"notes": "x" * 2001},
        {"coach_id": "cora"},
    ):
        answer = carl.api.post(f"{PLUS}/sessions", json=fine | wrong, headers=carl.headers)
        assert code(answer) == (422, "INVALID_REQUEST"), wrong
    assert carl.api.post(f"{PLUS}/sessions", json={"title": "Alone"}, headers=carl.headers).json()["players"] == []


def test_the_three_fields_of_the_contract_are_enough_for_an_upload_that_is_the_players(
    carl: Coach, catalog: Catalog, store: ObjectStore
) -> None:
    session = carl.session("ann")
    upload = carl.initiate(session, sample_fps=24, include_frames=True)
    told = upload.json()
    assert upload.status_code == 201
    assert set(told) == {"job_id", "presigned_url", "s3_bucket", "s3_key", "expires_in", "headers"}
    assert (told["s3_bucket"], told["s3_key"]) == (store.bucket, f"golf-swings/ann/{told['job_id']}.mp4")
    assert told["headers"] == {"Content-Type": "video/mp4"}
    record = catalog.get(told["job_id"])
    assert record is not None
    assert (record.user_id, record.session_id, record.status) == ("ann", session, Status.STARTED)
    assert record.options == {"sample_fps": 24, "include_frames": True, "uploaded_by": "carl"}
    put(upload)
    assert carl.complete(told["job_id"]).json() == {
        "job_id": told["job_id"],
        "status": "queued",
        "sqs_message_id": None,
    }
    assert [one.analysis_id for one in catalog.pending(9)] == [told["job_id"]]


def test_the_length_is_signed_where_it_is_sent(carl: Coach) -> None:
    session = carl.session("ann")
    signed = carl.initiate(session, file_name="My Swing.MOV", content_length=5).json()
    assert signed["s3_key"].endswith(".mov")
    assert signed["headers"] == {"Content-Type": "video/quicktime"}
    assert "content-length" in signed["presigned_url"]
    assert "content-length" not in carl.initiate(session).json()["presigned_url"]
    for wrong, expected in (
        ({"content_length": 101 * 2**20}, (413, "VIDEO_TOO_LARGE")),
        ({"file_name": "swing.avi"}, (422, "UNSUPPORTED_FILE")),
        ({"file_name": "mp4"}, (422, "UNSUPPORTED_FILE")),
        ({"content_type": "image/png"}, (422, "UNSUPPORTED_TYPE")),
        ({"sample_fps": 0}, (422, "INVALID_REQUEST")),
        ({"sample_fps": 1000}, (422, "INVALID_REQUEST")),
        ({"bucket": "other"}, (422, "INVALID_REQUEST")),
    ):
        assert code(carl.initiate(session, **wrong)) == expected


def test_whose_swing_it_is_follows_from_the_session(carl: Coach, tokens: TestIssuer) -> None:
    def owner(session: str, **fields: object) -> object:
        answer = carl.initiate(session, **fields)
        return answer.json()["s3_key"].split("/")[1] if answer.status_code == 201 else code(answer)

    name_coaches(carl.api, tokens, "bob", "carl", "cora")
    assert owner(carl.session("ann")) == "ann"
    assert owner(carl.session()) == "carl"
    assert owner(carl.session("carl")) == "carl"
    several = carl.session("ann", "bob", "eve")
    assert owner(several) == (422, "PLAYER_NEEDED")
    assert owner(several, player_id="bob") == "bob"
    assert owner(several, player_id="eve") == (403, "PLAYER_NOT_AGREED")
    assert owner(several, player_id="carl") == (422, "PLAYER_NOT_IN_SESSION")
    assert owner(carl.session("eve")) == (403, "PLAYER_NOT_AGREED")
    assert owner("no-such-session") == (404, "SESSION_NOT_FOUND")


def test_a_completion_without_an_upload_says_so_and_the_record_stays_queued(carl: Coach, catalog: Catalog) -> None:
    job = carl.initiate(carl.session("ann")).json()["job_id"]
    assert code(carl.complete(job)) == (404, "UPLOAD_NOT_FOUND")
    assert carl.job(job).json()["status"] == "queued"
    assert catalog.pending(9) == []
    assert code(carl.complete("unknown")) == (404, "NOT_FOUND")


def test_a_video_that_is_too_large_is_refused_when_it_is_completed(
    serve: Serve, tokens: TestIssuer, catalog: Catalog
) -> None:
    coach = Coach(serve(max_upload_bytes=4), tokens.headers("carl", "coach"))
    upload = coach.initiate(coach.session())
    put(upload)
    assert code(coach.complete(upload.json()["job_id"])) == (413, "VIDEO_TOO_LARGE")
    assert catalog.pending(9) == []


def test_a_completion_is_announced_as_s3_would_and_saying_it_again_changes_nothing(
    serve: Serve, tokens: TestIssuer, catalog: Catalog, queue: Queue, store: ObjectStore
) -> None:
    coach = Coach(serve(**queue.settings), tokens.headers("carl", "coach"))
    upload = coach.initiate(coach.session())
    put(upload)
    job = upload.json()["job_id"]
    first = coach.complete(job).json()
    (message,) = queue.bodies().items()
    assert (message[0], first["status"]) == (first["sqs_message_id"], "queued")
    (created,) = parse_s3_notification(message[1])
    assert (created.bucket, created.key, created.size) == (store.bucket, upload.json()["s3_key"], 5)
    assert created.etag == store.head(created.key).etag
    coach.complete(job)
    record = catalog.get(job)
    assert record is not None
    assert record.attempt == 1
    catalog.mark_dispatched([job])
    catalog.set_status(job, Status.PROCESSING, "We are looking at your video.")
    queue.bodies()
    assert coach.complete(job).json() == {"job_id": job, "status": "processing", "sqs_message_id": None}
    assert queue.bodies() == {}


def test_a_queue_that_does_not_answer_does_not_matter(
    serve: Serve, tokens: TestIssuer, catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    api = serve(queue_url="http://127.0.0.1:9/1/uploads", sqs_endpoint_url="http://127.0.0.1:9")
    coach = Coach(api, tokens.headers("carl", "coach"))
    upload = coach.initiate(coach.session())
    put(upload)
    job = upload.json()["job_id"]
    answer = coach.complete(job)
    assert (answer.status_code, answer.json()["sqs_message_id"]) == (200, None)
    assert [one.analysis_id for one in catalog.pending(9)] == [job]
    assert [one for one in caplog.records if one.levelname == "WARNING" and job in one.getMessage()]


def test_the_coach_follows_the_job_to_its_frames(
    carl: Coach, catalog: Catalog, store: ObjectStore, analysis: SwingAnalysis
) -> None:
    for include_frames in (True, False):
        upload = carl.initiate(carl.session("ann"), include_frames=include_frames)
        put(upload)
        name = upload.json()["job_id"]
        carl.complete(name)
        record = catalog.get(name)
        assert record is not None
        waiting = carl.job(name).json()
        assert (waiting["status"], waiting["player_id"]) == ("queued", "ann")
        assert (waiting["results"], waiting["frames"]) == (None, None)
        Swings(catalog, store, analysis).finish(record)
        job = carl.job(name).json()
        assert (job["status"], job["analysis_status"]) == ("completed", "AI_COMPLETED")
        assert carl.api.get(job["results"], headers=carl.headers).json()["status"] == "completed"
        if include_frames:
            (frame,) = job["frames"]
            assert httpx.get(frame["url"]).content == b"jpeg"
            assert "key" not in frame
        else:
            assert job["frames"] is None


def test_a_job_that_failed_says_why(carl: Coach, catalog: Catalog) -> None:
    job = carl.initiate(carl.session("ann")).json()["job_id"]
    catalog.fail(job, SwingError(ErrorCode.NO_COMPLETE_SWING, "We saw no swing.", retryable=False))
    answer = carl.job(job).json()
    assert (answer["status"], answer["error"]["code"], answer["error"]["retryable"]) == (
        "failed",
        "NO_COMPLETE_SWING",
        False,
    )


def test_who_may_do_what_with_a_coachs_session(carl: Coach, tokens: TestIssuer) -> None:
    name_coaches(carl.api, tokens, "ann", "carl", "cora")
    session = carl.session("ann")
    upload = carl.initiate(session)
    put(upload)
    job = upload.json()["job_id"]
    cases: dict[str, tuple[dict[str, str], int, int]] = {
        "guest": ({}, 401, 401),
        "the player": (tokens.headers("ann"), 403, 403),
        "the player, who is a coach too": (tokens.headers("ann", "coach"), 201, 404),
        "a stranger": (tokens.headers("eve"), 403, 403),
        "another coach": (tokens.headers("coco", "coach"), 201, 404),
        "another coach of the player": (tokens.headers("cora", "coach"), 201, 404),
        "the coach without the role": (tokens.headers("carl"), 403, 403),
        "the coach": (carl.headers, 201, 200),
        "admin": (tokens.headers("root", "admin"), 201, 200),
    }
    for who, (headers, making, seeing) in cases.items():
        coach = Coach(carl.api, headers)
        made = coach.api.post(f"{PLUS}/sessions", json={"title": "Mine"}, headers=headers)
        assert made.status_code == making, who
        assert coach.initiate(session).status_code == (201 if seeing == 200 else seeing), who
        assert coach.job(job).status_code == seeing, who
        assert coach.complete(job).status_code == seeing, who


def test_who_no_longer_agrees_is_no_longer_seen(carl: Coach, tokens: TestIssuer) -> None:
    session = carl.session("ann")
    upload = carl.initiate(session)
    put(upload)
    job = upload.json()["job_id"]
    name_coaches(carl.api, tokens, "ann")
    assert code(carl.job(job)) == (404, "NOT_FOUND")
    assert code(carl.complete(job)) == (404, "NOT_FOUND")
    assert code(carl.initiate(session)) == (403, "PLAYER_NOT_AGREED")


def test_a_coachs_own_swing_outside_of_a_session_is_no_job(carl: Coach, tokens: TestIssuer) -> None:
    body = {"fileName": "a.mp4", "contentType": "video/mp4", "contentLength": 5}
    for headers in ({}, tokens.headers("ann"), carl.headers):
        job = carl.api.post("/api/video/presigned-url", json=body, headers=headers).json()["jobId"]
        assert code(carl.job(job)) == (404, "NOT_FOUND")


def test_announcing_is_limited_and_a_repeated_key_announces_once(
    serve: Serve, tokens: TestIssuer, catalog: Catalog
) -> None:
    coach = Coach(serve(uploads_per_user_hour=2), tokens.headers("carl", "coach"))
    session = coach.session()
    keyed = Coach(coach.api, coach.headers | {"Idempotency-Key": "one"})
    assert keyed.initiate(session).json() == keyed.initiate(session).json()
    assert len(list_swings(catalog, "carl", 50)) == 1
    assert coach.initiate(session).status_code == 201
    answer = coach.initiate(session)
    assert code(answer) == (429, "RATE_LIMITED")
    assert int(answer.headers["retry-after"]) > 0
