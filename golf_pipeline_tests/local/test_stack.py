"""The whole local stack at work: uploads to coaching, bad uploads to their own errors, restarts that lose nothing."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from mypy_boto3_s3 import S3Client
from rich.console import Console

from golf_pipeline.local.demo import DOWNLOADS, SAMPLE, Demo
from golf_pipeline.local.http import request
from golf_pipeline.local.issuer import mint_token
from golf_pipeline.local.probes import graphql
from golf_pipeline.local.stack import LocalStack, StackConfig
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.swing.errors import ErrorCode
from golf_pipeline_tests.conftest import REPOSITORY
from golf_pipeline_tests.local.clips import first_part, grey_clip, sound_only
from golf_pipeline_tests.local.support import parts_of, wait_until

MAX_DURATION_S = 20.0
END_TIMEOUT_S = 200.0
WALK_TIMEOUT_S = 240.0
USER = "tester"
GOOD = f"golf-swings/{USER}/good.mp4"
LATE = "golf-swings/guest/late.mp4"
EMPTY_BOX = b"\0\0\0\x08free"
"""An MP4 box without content: with it the same video is another file, whose results cannot be reused."""

MATERIALIZATIONS = """{ assetNodes { assetMaterializations(limit: 100) {
  metadataEntries { ... on UrlMetadataEntry { url } } } } }"""
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
    "golf-swings/guest/no-swing.mp4": (SAMPLE.with_name("no_swing.mp4").read_bytes, ErrorCode.NO_COMPLETE_SWING),
    "golf-swings/guest/read.me": (lambda: b"hello", ErrorCode.NOT_AN_UPLOAD),
    DELETED: (SAMPLE.read_bytes, ErrorCode.UPLOAD_DELETED),
}


def max_upload_bytes() -> int:
    return SAMPLE.stat().st_size + 1_000_000


class Running:
    """A stack with what a test needs to feed and watch it."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.catalog = Catalog(stack.environment["GOLF_CATALOG_URL"])

    @property
    def s3(self) -> S3Client:
        # Made anew: after a restart the port is another one.
        session = boto3.Session("local", "local", region_name=self.stack.aws.region)
        return session.client("s3", endpoint_url=self.stack.aws.endpoint_url)

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.stack.aws.bucket, Key=key, Body=body)

    def keys(self, prefix: str = "") -> dict[str, str]:
        """Key -> ETag of what is in the bucket."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.stack.aws.bucket, Prefix=prefix)
        return {entry["Key"]: entry["ETag"] for page in pages for entry in page.get("Contents", [])}

    def record(self, key: str) -> AnalysisRecord | None:
        return self.catalog.by_key(self.stack.aws.bucket, key)

    def results(self, record: AnalysisRecord) -> dict[str, Any]:
        url = f"{self.stack.api_url}/api/video/results/{record.analysis_id}"
        token = mint_token(self.stack.folder, USER)
        answer: dict[str, Any] = request("GET", url, headers={"Authorization": f"Bearer {token}"}).json()
        return answer

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

    def links_of_materializations(self) -> set[str]:
        """Every URL that the Dagster UI shows with the swings' assets."""
        answer = graphql(self.stack.dagster_port, MATERIALIZATIONS)
        return {
            entry["url"]
            for node in answer["assetNodes"]
            for made in node["assetMaterializations"]
            for entry in made["metadataEntries"]
            if "url" in entry
        }

    def run_ids(self) -> set[str]:
        answer = graphql(self.stack.dagster_port, "{ runsOrError { ... on Runs { results { runId } } } }")
        return {run["runId"] for run in answer["runsOrError"]["results"]}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    environment = {
        "GOLF_MAX_DURATION_S": str(MAX_DURATION_S),
        "GOLF_MAX_UPLOAD_BYTES": str(max_upload_bytes()),
        "GOLF_BATCH_BACKLOG": "2",  # what waits together shares a run: good and bad ones side by side
    }
    stack = LocalStack(StackConfig(tmp_path_factory.mktemp("stack"), 0, 0, 0, 0, environment=environment))
    with stack:
        yield Running(stack)


@pytest.fixture(scope="module")
def ended(running: Running) -> dict[str, AnalysisRecord]:
    """Everything put at once with a plain S3 client, and what became of it."""
    for key, (make, _) in BAD.items():
        running.put(key, make())
    running.s3.delete_object(Bucket=running.stack.aws.bucket, Key=DELETED)
    running.put(GOOD, SAMPLE.read_bytes())
    return running.wait_for_end(GOOD, *BAD)


def test_a_video_put_into_s3_is_analysed_to_the_end_beside_bad_ones(
    running: Running, ended: dict[str, AnalysisRecord]
) -> None:
    record = ended[GOOD]
    assert (record.status, record.error_code) == (Status.AI_COMPLETED, None)
    answer = running.results(record)
    assert answer["status"] == "completed"
    assert answer["pose"]["report"]["summary"]
    for name in ("report", "overlay", "analysis"):
        assert request("GET", answer["links"][name]).ok
    frames = answer["analysis_results"]["frames"]
    assert 12 <= len(frames) <= 16
    assert all(request("GET", frame["url"]).body[:2] == b"\xff\xd8" for frame in frames), "every frame is a JPEG"


def test_the_links_of_the_dagster_ui_open_a_result_without_a_token_and_nothing_else_does(
    running: Running, ended: dict[str, AnalysisRecord]
) -> None:
    record = ended[GOOD]
    path = f"{running.stack.api_url}/api/video/results/{record.analysis_id}"
    links = running.links_of_materializations()
    mine = {url for url in links if url.startswith(path)}
    assert {urlsplit(url).path.removeprefix(urlsplit(path).path) for url in mine} == {
        "",
        "/report",
        "/contact-sheet",
        "/overlay",
    }
    assert all(request("GET", url).status in {200, 307} for url in mine)
    assert request("GET", path).status == 404
    other = next(url for url in links if url.startswith(running.stack.api_url) and url not in mine)
    assert request("GET", f"{path}?{urlsplit(other).query}").status == 403


@pytest.mark.parametrize("key", BAD)
def test_a_bad_upload_ends_failed_with_its_own_code(ended: dict[str, AnalysisRecord], key: str) -> None:
    record = ended[key]
    assert (record.status, record.error_code) == (Status.FAILED, BAD[key][1].value)
    assert record.error_message
    assert not record.retryable


def test_the_api_tells_a_client_why_an_upload_failed(running: Running, ended: dict[str, AnalysisRecord]) -> None:
    record = ended["golf-swings/guest/text.mp4"]
    answer = running.results(record)
    assert answer["status"] == "failed"
    assert answer["error"] == {"code": "VIDEO_UNREADABLE", "message": record.error_message, "retryable": False}


@pytest.mark.usefixtures("ended")
def test_the_demo_follows_a_swing_to_its_results_and_profile_and_says_where_the_time_went(
    running: Running, tmp_path: Path
) -> None:
    console = Console(file=io.StringIO(), width=120)
    demo = Demo(console, SAMPLE, tmp_path, running.stack)
    good, bad, run = demo.analyse(console.status(""))
    demo.report(good, bad, run, bare_s=0.0)
    assert all((tmp_path / name).stat().st_size > 0 for name in DOWNLOADS.values())
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    for words in ("AI_COMPLETED", "launch", "pose_keypoints", "total", "VIDEO_UNREADABLE", "report.html"):
        assert words in printed
    step_names = [step.name for step in run.steps]
    assert step_names[0] == "swing_video"
    assert "analysis_result" in step_names


@pytest.mark.usefixtures("ended")
def test_the_walk_through_of_docs_api_md_works_with_curl_alone(running: Running, tmp_path: Path) -> None:
    printed = walk_through(running.stack, tmp_path)
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["status"], result["error"]) == ("completed", None)
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "overlay.mp4").read_bytes()[4:8] == b"ftyp"
    assert re.search(r"304$", printed, re.MULTILINE)
    assert '"type": "ANALYSIS_COMPLETE"' in printed
    assert '"comparable":true' in printed
    assert printed.count('"written_by":"rules"') == 2
    assert "at impact:" in printed
    assert '"handicap":14.2' in printed
    assert re.search(r'"sqs_message_id":("[0-9a-f-]{36}"|null)', printed)
    assert re.search(r"204$", printed, re.MULTILINE)
    assert re.findall(r'"code":"(\w+)"', printed) == ["SWING_DELETED"]


def walk_through(stack: LocalStack, folder: Path) -> str:
    """Run all commands of docs/api.md in a folder, as a reader would in the checkout; returns what they printed."""
    page = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8").replace("http://127.0.0.1:8000", stack.api_url)
    (folder / "golf_pipeline").symlink_to(REPOSITORY / "golf_pipeline")
    program = folder / ".venv" / "bin" / "golf-pipeline"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m golf_pipeline.cli "$@" --data-folder {stack.folder}\n')
    program.chmod(0o755)
    commands = "\n".join(re.findall(r"^```bash\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    environment = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=WALK_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_stack_killed_in_the_middle_of_an_analysis_loses_nothing(
    running: Running, ended: dict[str, AnalysisRecord]
) -> None:
    running.put(LATE, SAMPLE.read_bytes() + EMPTY_BOX)
    wait_until(lambda: (late := running.record(LATE)) is not None and late.status == Status.PROCESSING)
    objects, runs = running.keys(), running.run_ids()
    for process in parts_of(running.stack.folder):
        os.kill(process, signal.SIGKILL)
    running.stack.stop()
    assert parts_of(running.stack.folder) == []

    running.stack.start()

    assert running.record(GOOD) == ended[GOOD]
    answer = running.results(ended[GOOD])
    assert answer["status"] == "completed"
    assert request("GET", answer["links"]["report"]).ok
    assert runs <= running.run_ids()
    assert running.wait_for_end(LATE)[LATE].status == Status.AI_COMPLETED
    assert objects.items() <= running.keys().items()
