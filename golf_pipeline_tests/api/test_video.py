"""The video routes over real HTTP: upload, start, poll, read; and everything that must be refused."""

import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from golf_pipeline.coach.coach import coach_swing
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.deletion import delete_swing
from golf_pipeline.storage.keys import output_key
from golf_pipeline.storage.listing import list_swings
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import StageOutput, Status
from golf_pipeline.storage.result import RESULT_STAGE, build_result
from golf_pipeline.storage.tables import golfer_coaches
from golf_pipeline.storage.tombstones import bury
from golf_pipeline.swing.documents import (
    Findings,
    ImpactSound,
    KeyFrame,
    Metric,
    PoseSummary,
    Report,
    SwingAnalysis,
    SwingSegmentation,
    VideoFacts,
)
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline_tests.api.issuer import TestIssuer
from golf_pipeline_tests.coach.conftest import findings, metrics, report, segmentation

__all__ = ["findings", "metrics", "report", "segmentation"]

VIDEO = b"pretend this is a video"
ASK = {"fileName": "swing.MOV", "contentType": "video/quicktime", "contentLength": len(VIDEO)}


@pytest.fixture(scope="session")
def analysis(
    segmentation: SwingSegmentation, metrics: tuple[Metric, ...], findings: Findings, report: Report
) -> SwingAnalysis:
    video = VideoFacts(
        container="mov",
        codec="hevc",
        width=1080,
        height=1920,
        rotation_deg=90,
        frame_count=97,
        duration_s=3.23,
        fps=30.0,
        variable_frame_rate=False,
        has_audio=True,
        size_bytes=len(VIDEO),
        sha256="0" * 64,
    )
    frame = KeyFrame(
        phase="impact",
        event="impact",
        frame_number=60,
        timestamp=2.0,
        description="Impact",
        file_name="frame_008_Frame_at_2.00s.jpg",
    )
    return SwingAnalysis(
        status="analysed",
        algorithm_versions={"pose": "1"},
        video=video,
        pose=PoseSummary(model="full", frames=97, coverage=1, mean_visibility=0.9),
        capture=segmentation.capture,
        events=segmentation.events,
        candidates=segmentation.candidates,
        metrics=metrics,
        impact_sound=ImpactSound(status="no audio"),
        findings=findings,
        report=report,
        key_frames=(frame,),
    )


def upload(api: httpx.Client, **headers: str) -> dict[str, Any]:
    asked = api.post("/api/video/presigned-url", json=ASK, headers=headers)
    assert asked.status_code == 201, asked.text
    granted: dict[str, Any] = asked.json()
    put = httpx.put(granted["uploadUrl"], content=VIDEO, headers=granted["headers"])
    assert put.status_code == 200, put.text
    return granted


def start(api: httpx.Client, granted: dict[str, Any], **more: object) -> httpx.Response:
    return api.post("/api/video/analyze", json={"s3Key": granted["s3Key"], "bucketName": granted["bucketName"], **more})


def finish(catalog: Catalog, store: ObjectStore, job_id: str, analysis: SwingAnalysis) -> None:
    catalog.mark_dispatched([job_id])
    record = catalog.get(job_id)
    assert record is not None
    coaching = coach_swing(analysis)
    report_key = output_key("guest", job_id, "report", "1", "report.html")
    store.put_bytes(report_key, b"<p>report</p>", "text/html")
    result = build_result(record, analysis, coaching, {"report": report_key}, {"pose": "1"})
    store.put_bytes(result.analysis_results.frames[0].key, b"jpeg", "image/jpeg")
    key = output_key("guest", job_id, RESULT_STAGE, "1", "result.json")
    store.put_bytes(key, result.model_dump_json().encode(), "application/json")
    catalog.record_stage(StageOutput(analysis_id=job_id, stage=RESULT_STAGE, version="1", key=key))
    for status in (Status.PROCESSING, Status.COMPLETED, Status.AI_PROCESSING, Status.AI_COMPLETED):
        catalog.set_status(job_id, status, str(status))


def test_an_upload_through_the_presigned_url_is_started_and_polled_to_its_result(
    api: httpx.Client, catalog: Catalog, store: ObjectStore, analysis: SwingAnalysis
) -> None:
    granted = upload(api)
    job = granted["jobId"]
    assert granted["s3Key"] == f"golf-swings/guest/{job}.mov"
    assert api.get(f"/api/video/results/{job}").json()["status"] == "queued"
    assert start(api, granted).json() == {
        "jobId": job,
        "status": "queued",
        "s3Key": granted["s3Key"],
        "attempt": 1,
    }
    assert [record.analysis_id for record in catalog.pending(5)] == [job]
    catalog.mark_dispatched([job])
    catalog.set_status(job, Status.PROCESSING, "Looking")
    state = api.get(f"/api/video/results/{job}").json()
    assert (state["status"], state["progress_message"], state["pose"]) == ("processing", "Looking", None)
    finish(catalog, store, job, analysis)
    result = api.get(f"/api/video/results/{job}").json()
    assert result["status"] == "completed"
    assert result["pose"]["findings"]["findings"][0]["fault_id"] == "sway"
    assert result["ai_analysis"]["fallback_triggered"] is True
    frame = result["analysis_results"]["frames"][0]
    assert set(frame) == {"phase", "url", "timestamp", "description", "frame_number"}
    assert httpx.get(frame["url"]).content == b"jpeg"
    assert httpx.get(result["links"]["report"]).text == "<p>report</p>"
    link = api.get(f"/api/video/results/{job}/report")
    assert link.status_code == 307
    assert httpx.get(link.headers["location"]).text == "<p>report</p>"
    assert api.get(f"/api/video/results/{job}/overlay").status_code == 404


def test_the_presigned_url_signs_type_and_length(api: httpx.Client) -> None:
    granted = api.post("/api/video/presigned-url", json=ASK).json()
    signed = httpx.URL(granted["uploadUrl"]).params["X-Amz-SignedHeaders"]
    assert {"content-length", "content-type"} <= set(signed.split(";"))
    assert granted["expiresIn"] == 900


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"fileName": "swing.avi"}, 422, "UNSUPPORTED_FILE"),
        ({"fileName": "swing"}, 422, "UNSUPPORTED_FILE"),
        ({"contentType": "video/mp4"}, 422, "UNSUPPORTED_TYPE"),
        ({"contentLength": 0}, 422, "INVALID_REQUEST"),
        ({"contentLength": 10**9}, 413, "VIDEO_TOO_LARGE"),
        ({"fileName": None}, 422, "INVALID_REQUEST"),
    ],
)
def test_what_cannot_be_uploaded_is_refused_before_the_upload(
    api: httpx.Client, change: dict[str, Any], status: int, code: str
) -> None:
    answer = api.post("/api/video/presigned-url", json=ASK | change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_upload_announced_but_not_there_can_be_announced_again_later(api: httpx.Client) -> None:
    granted = api.post("/api/video/presigned-url", json=ASK).json()
    answer = start(api, granted)
    assert (answer.status_code, answer.json()["code"]) == (404, "UPLOAD_DELETED")
    assert api.get(f"/api/video/results/{granted['jobId']}").json()["status"] == "queued"
    httpx.put(granted["uploadUrl"], content=VIDEO, headers=granted["headers"])
    assert start(api, granted).status_code == 202


def test_a_failed_analysis_says_why_and_can_be_started_again(api: httpx.Client, catalog: Catalog) -> None:
    granted = upload(api)
    start(api, granted)
    catalog.mark_dispatched([granted["jobId"]])
    catalog.fail(granted["jobId"], SwingError(ErrorCode.NO_COMPLETE_SWING, "We saw no complete swing."))
    state = api.get(f"/api/video/results/{granted['jobId']}").json()
    assert state["status"] == "failed"
    assert state["error"] == {
        "code": "NO_COMPLETE_SWING",
        "message": "We saw no complete swing.",
        "retryable": False,
    }
    again = start(api, granted).json()
    assert (again["status"], again["attempt"]) == ("queued", 2)


def test_a_finished_analysis_is_started_again_only_on_demand(
    api: httpx.Client, catalog: Catalog, store: ObjectStore, analysis: SwingAnalysis
) -> None:
    granted = upload(api)
    start(api, granted)
    finish(catalog, store, granted["jobId"], analysis)
    assert start(api, granted).json()["status"] == "completed"
    assert start(api, granted, force=True).json()["status"] == "queued"


@pytest.mark.parametrize(
    ("s3_key", "status", "code"),
    [
        ("golf-swings/guest/readme.txt", 422, "NOT_AN_UPLOAD"),
        ("golf-swings/guest/a/overlay/1/overlay.mp4", 422, "NOT_AN_UPLOAD"),
        ("golf-swings/../etc/passwd.mp4", 422, "NOT_AN_UPLOAD"),
        ("golf-swings/guest/never.mp4", 404, "UPLOAD_DELETED"),
        ("golf-swings/somebody/s.mp4", 404, "NOT_FOUND"),
    ],
)
def test_a_key_that_cannot_be_analysed_is_refused(
    api: httpx.Client, store: ObjectStore, s3_key: str, status: int, code: str
) -> None:
    answer = api.post("/api/video/analyze", json={"s3Key": s3_key, "bucketName": store.bucket})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_another_bucket_is_not_read(api: httpx.Client) -> None:
    answer = api.post("/api/video/analyze", json={"s3Key": "golf-swings/guest/a.mp4", "bucketName": "theirs"})
    assert (answer.status_code, answer.json()["code"]) == (404, "UNKNOWN_BUCKET")


def test_an_unknown_analysis_and_anothers_analysis_look_the_same(api: httpx.Client, tokens: TestIssuer) -> None:
    granted = upload(api, **tokens.headers("ann"))
    assert granted["s3Key"].startswith("golf-swings/ann/")
    own = api.get(f"/api/video/results/{granted['jobId']}", headers=tokens.headers("ann"))
    theirs = api.get(f"/api/video/results/{granted['jobId']}", headers=tokens.headers("bob"))
    guests = api.get(f"/api/video/results/{granted['jobId']}")
    unknown = api.get("/api/video/results/no-such-id")
    assert own.status_code == 200
    assert theirs.json() == guests.json() == unknown.json()
    assert unknown.status_code == 404


@pytest.mark.parametrize("header", ["X-User", "X-Forwarded-User", "X-Remote-User"])
def test_a_header_that_names_a_user_means_nothing(api: httpx.Client, header: str) -> None:
    assert upload(api, **{header: "ann"})["s3Key"].startswith("golf-swings/guest/")


@pytest.mark.parametrize("job", ["%00", "a%00b", "%ED%A0%80", "x" * 3000, "%E2%80%AE"])
def test_an_id_that_cannot_be_one_is_simply_unknown(api: httpx.Client, job: str) -> None:
    assert api.get(f"/api/video/results/{job}").status_code == 404
    assert api.get(f"/api/video/results/{job}/report").status_code == 404


def test_a_result_whose_file_is_gone_says_so_and_not_that_the_video_is(
    api: httpx.Client, catalog: Catalog, store: ObjectStore, analysis: SwingAnalysis
) -> None:
    granted = upload(api)
    start(api, granted)
    finish(catalog, store, granted["jobId"], analysis)
    stored = catalog.stages(granted["jobId"])[RESULT_STAGE].key
    store.client.delete_object(Bucket=store.bucket, Key=stored)
    for path in ("", "/report"):
        answer = api.get(f"/api/video/results/{granted['jobId']}{path}")
        assert (answer.status_code, answer.json()["code"]) == (410, "RESULT_DELETED")


def test_an_artifact_asked_for_too_early_is_not_ready(api: httpx.Client) -> None:
    granted = upload(api)
    answer = api.get(f"/api/video/results/{granted['jobId']}/report")
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_READY")


def test_a_video_replaced_after_its_analysis_is_analysed_again(
    api: httpx.Client, catalog: Catalog, store: ObjectStore, analysis: SwingAnalysis
) -> None:
    granted = upload(api)
    start(api, granted)
    finish(catalog, store, granted["jobId"], analysis)
    time.sleep(1.1)  # S3 tells times in whole seconds
    store.put_bytes(granted["s3Key"], b"another swing", "video/quicktime")
    again = start(api, granted).json()
    assert (again["status"], again["attempt"]) == ("queued", 2)


def test_a_result_is_not_made_of_an_analysis_that_was_refused(
    api: httpx.Client, catalog: Catalog, analysis: SwingAnalysis
) -> None:
    record = catalog.get(upload(api)["jobId"])
    assert record is not None
    coaching = coach_swing(analysis)
    with pytest.raises(ValueError, match="whole analysis"):
        build_result(record, analysis.model_copy(update={"findings": None}), coaching, {}, {})


def test_starting_is_for_the_golfer_and_not_for_who_may_only_look(
    api: httpx.Client, catalog: Catalog, tokens: TestIssuer
) -> None:
    ann, coach = tokens.headers("ann"), tokens.headers("carl", "coach")
    granted = upload(api, **ann)
    with catalog.engine.begin() as connection:
        connection.execute(insert(golfer_coaches).values(user_id="ann", coach_id="carl", named_at=datetime.now(UTC)))
    asked = {"s3Key": granted["s3Key"], "bucketName": granted["bucketName"]}
    for headers, status, code in (
        ({}, 404, "NOT_FOUND"),
        (tokens.headers("bob"), 404, "NOT_FOUND"),
        (coach, 403, "NOT_YOURS"),
    ):
        answer = api.post("/api/video/analyze", json=asked, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert api.post("/api/video/analyze", json=asked, headers=tokens.headers("root", "admin")).status_code == 202
    assert api.post("/api/video/analyze", json=asked, headers=ann).status_code == 202


def test_the_same_request_with_the_same_key_starts_nothing_twice(
    api: httpx.Client, catalog: Catalog, tokens: TestIssuer
) -> None:
    headers = tokens.headers("ann") | {"Idempotency-Key": "once"}
    first, again = (api.post("/api/video/presigned-url", json=ASK, headers=headers) for _ in range(2))
    assert first.json() == again.json()
    assert len(list_swings(catalog, "ann", 50)) == 1
    httpx.put(first.json()["uploadUrl"], content=VIDEO, headers=first.json()["headers"])
    asked = {"s3Key": first.json()["s3Key"], "bucketName": first.json()["bucketName"]}
    started = api.post("/api/video/analyze", json=asked, headers=headers)
    catalog.mark_dispatched([started.json()["jobId"]])
    catalog.fail(started.json()["jobId"], SwingError(ErrorCode.NO_COMPLETE_SWING, "We saw no complete swing."))
    assert api.post("/api/video/analyze", json=asked, headers=headers).json() == started.json()
    assert catalog.pending_count() == 0


def test_a_deleted_video_is_started_again_only_by_a_new_upload(
    api: httpx.Client, catalog: Catalog, store: ObjectStore, tokens: TestIssuer
) -> None:
    ann = tokens.headers("ann")
    granted = upload(api, **ann)
    asked = {"s3Key": granted["s3Key"], "bucketName": granted["bucketName"]}
    assert api.post("/api/video/analyze", json=asked, headers=ann).status_code == 202
    record = catalog.get(granted["jobId"])
    assert record is not None
    bury(catalog, record)  # its objects are still there: the deletion has just begun
    answer = api.post("/api/video/analyze", json=asked, headers=ann)
    assert (answer.status_code, answer.json()["code"]) == (410, "SWING_DELETED")
    delete_swing(catalog, store, record)
    assert api.post("/api/video/analyze", json=asked, headers=ann).json()["code"] == "UPLOAD_DELETED"
    time.sleep(1.1)  # S3 tells times in whole seconds
    httpx.put(granted["uploadUrl"], content=VIDEO, headers=granted["headers"])
    back = api.post("/api/video/analyze", json=asked, headers=ann)
    assert (back.status_code, back.json()["status"]) == (202, "queued")
    assert api.get(f"/api/v1/swings/{granted['jobId']}", headers=ann).status_code == 200


def test_nothing_personal_of_a_token_is_stored(api: httpx.Client, catalog: Catalog, tokens: TestIssuer) -> None:
    record = catalog.get(upload(api, **tokens.headers("ann"))["jobId"])
    assert record is not None
    assert (record.user_email, record.user_name, record.is_authenticated) == (None, None, True)
