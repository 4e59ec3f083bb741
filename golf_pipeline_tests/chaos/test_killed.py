"""Processes that end without a word: workers in and between the stages, the daemon, the code server, the others."""

import contextlib
import random
import threading
from collections.abc import Mapping

import psutil
import pytest

from golf_pipeline.local.stack import API, AWS, CODE_SERVER, DAEMON, WEBSERVER
from golf_pipeline_tests.chaos.burst import burst, mixed, poison, refused, swing
from golf_pipeline_tests.chaos.conftest import BURST_TIMEOUT_S, Prove
from golf_pipeline_tests.chaos.faults import Asked
from golf_pipeline_tests.chaos.ledger import Ledger
from golf_pipeline_tests.chaos.rig import Rig

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]

STAGES = (
    "video", "pose", "events", "frames", "metrics", "sound", "findings", "coaching", "overlay", "report", "result"
)  # fmt: skip
"""Folders of the stages' outputs."""

LONGEST_DELAY_S = 0.5
"""Of a kill after a stage was stored, so that it hits the work of a later one. The pose takes seconds."""


class KillAt:
    """Kills the process that has just stored the first object of a stage of a swing, once for each such moment."""

    def __init__(self, moments: Mapping[str, str], delays: Mapping[str, float] | None = None) -> None:
        self._moments = dict(moments)
        """Analysis id -> stage."""
        self._delays = delays or {}
        """Stage -> seconds between its object and the kill; without one, the worker never hears that it is stored."""
        self._lock = threading.Lock()
        self.killed: list[str] = []

    def __call__(self, asked: Asked) -> None:
        parts = asked.key.split("/")
        if asked.method != "PUT" or len(parts) < 5:
            return
        analysis_id, stage = parts[2], parts[3]
        with self._lock:
            if self._moments.get(analysis_id) != stage:
                return
            process = asked.client()
            assert process is not None
            del self._moments[analysis_id]
            self.killed.append(stage)
        if stage in self._delays:
            threading.Timer(self._delays[stage], _kill, [process]).start()
        else:
            _kill(process)


def _kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()
        process.wait(10)


def test_a_worker_killed_between_storing_a_stage_and_noting_it_loses_no_swing(
    rig: Rig, ledger: Ledger, prove: Prove
) -> None:
    uploads = [swing(f"killed-after-{stage}", user=f"golfer-{number % 3}") for number, stage in enumerate(STAGES)]
    killer = KillAt({upload.analysis_id: stage for upload, stage in zip(uploads, STAGES, strict=True)})
    rig.proxy.after.append(killer)
    ledger.put(mixed(uploads, refused("killed-after")))
    prove(ledger, BURST_TIMEOUT_S)
    assert sorted(killer.killed) == sorted(STAGES)


def test_a_worker_killed_in_the_work_of_a_stage_loses_no_swing(rig: Rig, ledger: Ledger, prove: Prove) -> None:
    stages = ("video", "pose", "events", "findings", "coaching")
    delays = random.Random(6)
    uploads = [swing(f"killed-in-{stage}", user=f"golfer-{number}") for number, stage in enumerate(stages)]
    killer = KillAt(
        {upload.analysis_id: stage for upload, stage in zip(uploads, stages, strict=True)},
        {stage: delays.uniform(0.0, LONGEST_DELAY_S) for stage in stages} | {"video": 1.0},
    )
    rig.proxy.after.append(killer)
    ledger.put(uploads)
    prove(ledger, BURST_TIMEOUT_S)
    assert sorted(killer.killed) == sorted(stages)


@pytest.mark.parametrize(
    ("parts", "moments_s"),
    [
        pytest.param([DAEMON], (0.5, 8.0, 20.0), id="the daemon"),
        pytest.param([CODE_SERVER], (2.0, 25.0), id="the code server and its runs"),
        pytest.param([API, WEBSERVER, AWS], (3.0, 15.0), id="API, webserver and AWS"),
    ],
)
def test_parts_killed_during_a_burst_lose_no_swing(
    rig: Rig, ledger: Ledger, prove: Prove, request: pytest.FixtureRequest, parts: list[str], moments_s: list[float]
) -> None:
    name = request.node.callspec.id.replace(" ", "-").replace(",", "")
    ledger.put(burst(name))
    for moment_s in moments_s:
        rig.pass_time(moment_s)
        for part in parts:
            rig.kill(part)
    prove(ledger, BURST_TIMEOUT_S)


def test_a_video_that_kills_its_process_fails_alone_and_the_rest_of_its_batch_is_right(
    ledger: Ledger, prove: Prove
) -> None:
    fine = [swing(f"beside-poison-{number}", user=f"golfer-{number}") for number in range(4)]
    ledger.put(mixed(fine, [poison("poison")]))
    prove(ledger, BURST_TIMEOUT_S)
