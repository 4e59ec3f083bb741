"""The demo: the main job end to end on this machine, as a client would do it, and where its time went.

Starts a fresh stack, asks the API for a presigned URL, puts a video there over HTTP, polls until the coaching is
there, fetches the results, stops the stack. A second upload that is no video proves that one bad file fails alone. The
same clip is then analysed bare (`golf-pipeline analyze`), after the stack has stopped and with warm file caches, so
that the overhead it is compared with is never flattered.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

import golf_pipeline
from golf_pipeline.local.folder import StackError, lock_folder
from golf_pipeline.local.http import Answer, post_json, request
from golf_pipeline.local.signals import StopRequested, stop_on_signals
from golf_pipeline.local.stack import LocalStack, StackConfig
from golf_pipeline.local.timeline import OVERHEAD_LIMIT_S, Part, SwingRun, read_run, split_time, total_seconds
from golf_pipeline.storage.keys import PROFILES_PREFIX, partition_key

SAMPLE = Path(golf_pipeline.__file__).parent / "synthetic" / "samples" / "face_on_right.mp4"
USER = "demo-golfer"
CONTENT_TYPES = {".mp4": "video/mp4", ".mov": "video/quicktime", ".m4v": "video/x-m4v"}
DOWNLOADS = {"report": "report.html", "overlay": "overlay.mp4", "analysis": "analysis.json"}
RESULT_TIMEOUT_S = 180.0
PROFILE_TIMEOUT_S = 60.0
POLL_S = 0.1


class DemoError(Exception):
    """Something of the demo failed; the message is for the person at the terminal."""


@dataclass
class Job:
    """One upload on its way through the pipeline; Unix seconds."""

    name: str
    job_id: str
    put_began: float
    put_ended: float
    shown: tuple[str, str] = ("", "")
    state: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        return self.state is not None and self.state["status"] in {"completed", "failed"}


def run_demo(
    video: Path | None,
    out: Path,
    *,
    api_port: int = 0,
    dagster_port: int = 0,
    aws_port: int = 0,
    issuer_port: int = 0,
    console: Console | None = None,
) -> int:
    """Run the demo with `video` (the rendered sample if None), write its results to `out`. Returns the exit code."""
    console = console or Console()
    clip = video or SAMPLE
    try:
        with stop_on_signals():
            _check_clip(clip)
            folder = _fresh_folder(out)
            config = StackConfig(folder, api_port, dagster_port, aws_port, issuer_port)
            Demo(console, clip, out, LocalStack(config)).run()
    except (DemoError, StackError, OSError) as error:
        console.print(Text(f"The demo failed: {error}", style="bold red"), soft_wrap=True)
        return 1
    except StopRequested:
        console.print("Stopped.")
        return 130
    return 0


class Demo:
    """One demo: of one clip, on one stack."""

    def __init__(self, console: Console, clip: Path, out: Path, stack: LocalStack) -> None:
        self.console = console
        self.clip = clip
        self.out = out
        self.stack = stack
        self.began = time.time()
        self._token = ""

    def run(self) -> None:
        with self.console.status("starting the local stack") as status:
            self.stack.on_step = lambda step: status.update(f"starting the local stack: {step}")
            try:
                self.stack.start()
                self._say(f"API {self.stack.api_url}  Dagster {self.stack.dagster_url}  AWS {self.stack.aws.port}")
                good, bad, run = self.analyse(status)
            finally:
                status.update("stopping the local stack")
                self.stack.stop()
            status.update("analysing the same clip bare, for comparison")
            bare_s = _bare_seconds(self.clip)
        self.report(good, bad, run, bare_s)

    def analyse(self, status: Status) -> tuple[Job, Job, SwingRun]:
        """All that a client does, on a stack that runs: upload, follow, fetch."""
        self._token = self.stack.issuer.token(USER)
        good = self._upload(self.clip.name, self.clip.read_bytes())
        # The bad one comes while the good one is being coached: earlier, its run would compete for the cores in what is
        # measured here (it costs some 4 s of the good one's pose on two cores).
        self._follow([good], status, until="COMPLETED")
        bad = self._upload("not_a_video.mp4", b"This is a text and no video.\n")
        self._follow([good, bad], status)
        _check_ends(good, bad)
        self._download(good)
        self._wait_for_profile(status)
        run = read_run(self.stack.dagster_port, partition_key(good.job_id))
        if run is None:
            raise DemoError(f"Dagster shows no run for the swing {good.job_id}.")
        return good, bad, run

    def report(self, good: Job, bad: Job, run: SwingRun, bare_s: float) -> None:
        """Say where the time went, what was found and where the results are."""
        self._print_times(split_time(good.put_began, good.put_ended, run, _completed(good)), bare_s)
        self._print_result(good, bad)

    def _upload(self, name: str, body: bytes) -> Job:
        asked = {
            "fileName": name,
            "contentType": CONTENT_TYPES[Path(name).suffix.lower()],
            "contentLength": len(body),
        }
        offer = self._expect(post_json(f"{self.stack.api_url}/api/video/presigned-url", asked, self._signed_in()))
        began = time.time()
        answer = request("PUT", offer["uploadUrl"], body, offer["headers"])
        if not answer.ok:
            raise DemoError(f"The upload of {name} to S3 was answered with {answer}")
        job = Job(name, offer["jobId"], began, time.time())
        self._say(f"{name}: {len(body) / 1e6:.1f} MB uploaded to {offer['s3Key']}")
        return job

    def _follow(self, jobs: list[Job], status: Status, until: str | None = None) -> None:
        """Poll and show each change, until every job has ended or has come to a status of the catalog."""
        deadline = time.monotonic() + RESULT_TIMEOUT_S
        while not all(job.ended or job.shown[0] == until for job in jobs):
            self.stack.check()
            for job in jobs:
                if not job.ended:
                    self._poll(job)
            waiting = ", ".join(f"{job.name}: {job.shown[1]}" for job in jobs if not job.ended)
            status.update(waiting)
            if time.monotonic() > deadline:
                raise DemoError(f"No end after {RESULT_TIMEOUT_S:.0f} s ({waiting}). See {self.stack.logs}")
            time.sleep(POLL_S)

    def _poll(self, job: Job) -> None:
        url = f"{self.stack.api_url}/api/video/results/{job.job_id}"
        job.state = self._expect(request("GET", url, headers=self._signed_in()))
        now = (job.state["analysis_status"], job.state["progress_message"])
        if now != job.shown:
            job.shown = now
            self._say(f"{job.name}: {now[0]} {now[1]}")

    def _wait_for_profile(self, status: Status) -> None:
        status.update(f"waiting for the profile of {USER}")
        bucket = f"{self.stack.aws.endpoint_url}/{self.stack.aws.bucket}"
        listing = f"{bucket}?list-type=2&prefix={PROFILES_PREFIX}{USER}/"
        deadline = time.monotonic() + PROFILE_TIMEOUT_S
        while b"swing_profile.json" not in request("GET", listing).body:
            self.stack.check()
            if time.monotonic() > deadline:
                raise DemoError(f"No profile of {USER} after {PROFILE_TIMEOUT_S:.0f} s. See {self.stack.logs}")
            time.sleep(POLL_S)
        self._say(f"the swing profile of {USER} is stored")

    def _download(self, job: Job) -> None:
        links = (job.state or {})["links"]
        for name, file_name in DOWNLOADS.items():
            answer = request("GET", links[name])
            if not answer.ok or not answer.body:
                raise DemoError(f"{file_name} could not be fetched: {answer}")
            (self.out / file_name).write_bytes(answer.body)

    def _signed_in(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _expect(self, answer: Answer) -> dict[str, Any]:
        if not answer.ok:
            raise DemoError(f"The API answered {answer}")
        document: dict[str, Any] = answer.json()
        return document

    def _say(self, line: str) -> None:
        self._line(f"{time.time() - self.began:6.1f} s  {line}")

    def _line(self, line: str) -> None:
        self.console.print(Text(line), soft_wrap=True)

    def _print_times(self, parts: tuple[Part, ...], bare_s: float) -> None:
        table = Table(title="Where the time went", title_justify="left", show_footer=True)
        total = total_seconds(parts)
        table.add_column("part", "total")
        table.add_column("seconds", f"{total:.1f}", justify="right")
        table.add_column("", "from the upload's first byte to the coaching")
        for part in parts:
            table.add_row(part.name, f"{part.seconds:.2f}", part.detail)
        self.console.print()
        self.console.print(table)
        overhead = total - bare_s
        verdict, style = ("within", "green") if overhead <= OVERHEAD_LIMIT_S else ("OVER", "bold red")
        self.console.print(
            Text.assemble(
                f"The same clip analysed bare takes {bare_s:.1f} s; the pipeline adds {overhead:.1f} s, ",
                (f"{verdict} the limit of {OVERHEAD_LIMIT_S:.0f} s", style),
            ),
            soft_wrap=True,
        )

    def _print_result(self, good: Job, bad: Job) -> None:
        state, failed = good.state or {}, (bad.state or {})["error"]
        report = state["pose"]["report"]
        self.console.print()
        self._line(report["summary"])
        for issue in report["top_issues"]:
            self._line(f"  - {issue['title']} ({issue['severity']})")
        self._line(f"{bad.name} failed alone, as it should: {failed['code']} {failed['message']}")
        self.console.print()
        for file_name in DOWNLOADS.values():
            self._line(f"  {self.out / file_name}")


def _check_clip(clip: Path) -> None:
    if not clip.is_file():
        raise DemoError(f"There is no video {clip}.")
    if clip.suffix.lower() not in CONTENT_TYPES:
        raise DemoError(f"{clip.name} is none of {', '.join(CONTENT_TYPES)}.")


def _fresh_folder(out: Path) -> Path:
    """Return an empty data folder within `out`; what an earlier demo left there is deleted, nothing else."""
    folder = out / "stack"
    if folder.exists():
        if not (folder / "stack.lock").is_file():
            raise DemoError(f"{folder} is not a demo's: choose another --out.")
        with lock_folder(folder):
            pass  # raises where another demo still runs in it
        shutil.rmtree(folder)
    for file_name in DOWNLOADS.values():
        (out / file_name).unlink(missing_ok=True)
    folder.mkdir(parents=True)
    return folder


def _check_ends(good: Job, bad: Job) -> None:
    state = good.state or {}
    if state["status"] != "completed":
        error = state.get("error") or {}
        raise DemoError(f"the analysis of {good.name} FAILED: {error.get('code')}: {error.get('message')}")
    outcome = bad.state or {}
    if outcome["status"] != "failed" or not (outcome.get("error") or {}).get("code", "").startswith("VIDEO_"):
        raise DemoError(f"{bad.name} is no video, yet it ended as {outcome['analysis_status']}: {outcome['error']}")


def _completed(job: Job) -> float:
    return datetime.fromisoformat((job.state or {})["completed_at"]).timestamp()


def _bare_seconds(clip: Path) -> float:
    """Wall seconds of `golf-pipeline analyze` in a fresh process."""
    with tempfile.TemporaryDirectory() as out:
        began = time.monotonic()
        done = subprocess.run(  # noqa: S603 our own command
            [sys.executable, "-m", "golf_pipeline.cli", "analyze", str(clip), "--out", out],
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - began
    if done.returncode != 0:
        raise DemoError(f"the bare analysis of {clip} ended with code {done.returncode}: {done.stderr.strip()[-500:]}")
    return seconds
