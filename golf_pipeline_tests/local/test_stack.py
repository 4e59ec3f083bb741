"""The whole local stack at work: uploads to coaching, bad uploads to their own errors, restarts that lose nothing."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import boto3
import pytest
from mypy_boto3_s3 import S3Client

from golf_pipeline.local.demo import SAMPLE
from golf_pipeline.local.http import request
from golf_pipeline.local.probes import graphql
from golf_pipeline.local.stack import LocalStack, StackConfig
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.swing.errors import ErrorCode
from golf_pipeline_tests.local.clips import first_part, grey_clip, sound_only
from golf_pipeline_tests.local.support import parts_of

MAX_DURATION_S = 20.0
END_TIMEOUT_S = 200.0
GOOD = "golf-swings/guest/good.mp4"
DELETED = "golf-swings/guest/deleted.mp4"

BAD: Mapping[str, tuple[Callable[[], bytes], ErrorCode]] = {
    "golf-swings/guest/text.mp4": (lambda: b"This is a text and no video.\n", ErrorCode.VIDEO_UNREADABLE),
    "golf-swings/guest/empty.mov": (lambda: b"", ErrorCode.VIDEO_EMPTY),
    "golf-swings/guest/broken-off.mp4": (lambda: first_part(SAMPLE, 0.6), ErrorCode.VIDEO_TRUNCATED),
    "golf-swings/guest/sound.mp4": (sound_only, ErrorCode.VIDEO_WITHOUT_PICTURE),
    "golf-swings/guest/short.m4v": (lambda: grey_clip(0.5), ErrorCode.VIDEO_TOO_SHORT),
    "golf-swings/guest/long.mp4": (lambda: grey_clip(MAX_DURATION_S + 1), ErrorCode.VIDEO_TOO_LONG),
    "golf-swings/guest/large.mp4": (lambda: bytes(max_upload_bytes() + 1), ErrorCode.VIDEO_TOO_LARGE),
    "golf-swings/guest/wall.MP4": (lambda: grey_clip(3.0), ErrorCode.NO_GOLFER),
    "golf-swings/guest/read.me": (lambda: b"hello", ErrorCode.NOT_AN_UPLOAD),
    DELETED: (SAMPLE.read_bytes, ErrorCode.UPLOAD_DELETED),
}


def max_upload_bytes() -> int:
    return SAMPLE.stat().st_size + 1_000_000


@dataclass
class Running:
    """A stack with what a test needs to feed and watch it."""

    stack: LocalStack

    @property
    def s3(self) -> S3Client:
        session = boto3.Session("local", "local", region_name=self.stack.aws.region)
        return session.client("s3", endpoint_url=self.stack.aws.endpoint_url)

    def record(self, key: str) -> AnalysisRecord | None:
        return Catalog(self.stack.environment["GOLF_CATALOG_URL"]).by_key(self.stack.aws.bucket, key)

    def wait_for_end(self, *keys: str) -> dict[str, AnalysisRecord]:
        deadline = time.monotonic() + END_TIMEOUT_S
        while True:
            records = {key: self.record(key) for key in keys}
            ended = {key: record for key, record in records.items() if record is not None and record.status.ended}
            if len(ended) == len(keys):
                return ended
            self.stack.check()
            assert time.monotonic() < deadline, {
                key: r and (r.status, r.progress_message) for key, r in records.items()
            }
            time.sleep(0.2)

    def run_count(self) -> int:
        answer = graphql(self.stack.dagster_port, "{ runsOrError { ... on Runs { results { runId } } } }")
        return len(answer["runsOrError"]["results"])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    limits = {"GOLF_MAX_DURATION_S": str(MAX_DURATION_S), "GOLF_MAX_UPLOAD_BYTES": str(max_upload_bytes())}
    stack = LocalStack(StackConfig(tmp_path_factory.mktemp("stack"), 0, 0, 0, environment=limits))
    with stack:
        yield Running(stack)


@pytest.fixture(scope="module")
def ended(running: Running) -> dict[str, AnalysisRecord]:
    """Everything put at once with a plain S3 client, and what became of it."""
    bucket = running.stack.aws.bucket
    for key, (make, _) in BAD.items():
        running.s3.put_object(Bucket=bucket, Key=key, Body=make())
    running.s3.delete_object(Bucket=bucket, Key=DELETED)
    running.s3.put_object(Bucket=bucket, Key=GOOD, Body=SAMPLE.read_bytes())
    return running.wait_for_end(GOOD, *BAD)


def test_a_video_put_into_s3_is_analysed_to_the_end_beside_ten_bad_ones(
    running: Running, ended: dict[str, AnalysisRecord]
) -> None:
    record = ended[GOOD]
    assert (record.status, record.error_code) == (Status.AI_COMPLETED, None)
    answer = request("GET", f"{running.stack.api_url}/api/video/results/{record.analysis_id}").json()
    assert answer["status"] == "completed"
    assert answer["pose"]["report"]["summary"]
    for name in ("report", "overlay", "analysis"):
        assert request("GET", answer["links"][name]).ok
    frames = answer["analysis_results"]["frames"]
    assert 12 <= len(frames) <= 16
    assert all(request("GET", frame["url"]).body[:2] == b"\xff\xd8" for frame in frames), "every frame is a JPEG"


@pytest.mark.parametrize("key", BAD)
def test_a_bad_upload_ends_failed_with_its_own_code(ended: dict[str, AnalysisRecord], key: str) -> None:
    record = ended[key]
    assert (record.status, record.error_code) == (Status.FAILED, BAD[key][1].value)
    assert record.error_message
    assert not record.retryable


def test_the_api_tells_a_client_why_an_upload_failed(running: Running, ended: dict[str, AnalysisRecord]) -> None:
    record = ended["golf-swings/guest/text.mp4"]
    answer = request("GET", f"{running.stack.api_url}/api/video/results/{record.analysis_id}").json()
    assert answer["status"] == "failed"
    assert answer["error"] == {
        "code": "VIDEO_UNREADABLE",
        "message": record.error_message,
        "retryable": False,
    }


def test_a_restart_keeps_results_history_and_what_was_in_flight(
    running: Running, ended: dict[str, AnalysisRecord]
) -> None:
    late = "golf-swings/guest/late.mp4"
    bucket = running.stack.aws.bucket
    before = [(entry["Key"], entry["ETag"]) for entry in running.s3.list_objects_v2(Bucket=bucket)["Contents"]]
    runs = running.run_count()
    running.s3.put_object(Bucket=bucket, Key=late, Body=SAMPLE.read_bytes())
    running.stack.stop()
    assert parts_of(running.stack.folder) == []

    running.stack.start()

    assert running.record(GOOD) == ended[GOOD]
    answer = request("GET", f"{running.stack.api_url}/api/video/results/{ended[GOOD].analysis_id}").json()
    assert answer["status"] == "completed"
    assert request("GET", answer["links"]["report"]).ok
    assert running.run_count() >= runs
    assert running.wait_for_end(late)[late].status == Status.AI_COMPLETED
    after = [(entry["Key"], entry["ETag"]) for entry in running.s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert set(before) <= set(after)
