"""Processes that end without a word: workers in each stage, the daemon, the code server, everything."""

import threading

import pytest

from golf_pipeline_tests.chaos.burst import mixed, refused, swing
from golf_pipeline_tests.chaos.conftest import Prove
from golf_pipeline_tests.chaos.faults import Asked
from golf_pipeline_tests.chaos.ledger import Ledger
from golf_pipeline_tests.chaos.rig import Rig

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

STAGES = (
    "video", "pose", "events", "frames", "metrics", "sound", "findings", "coaching", "overlay", "report", "result"
)  # fmt: skip
"""Folders of the stages' outputs."""

BURST_TIMEOUT_S = 300.0


class KillAt:
    """Kills the process that has just stored the first object of a stage of a swing; once for each such moment."""

    def __init__(self, moments: dict[str, str]) -> None:
        self._moments = moments
        """Analysis id -> stage."""
        self._lock = threading.Lock()
        self.killed: list[str] = []

    def __call__(self, asked: Asked) -> None:
        parts = asked.key.split("/")
        if asked.method != "PUT" or len(parts) < 4:
            return
        analysis_id, stage = parts[2], parts[3]
        with self._lock:
            if self._moments.get(analysis_id) != stage:
                return
            del self._moments[analysis_id]
            process = asked.client()
            assert process is not None
            process.kill()
            process.wait()
            self.killed.append(stage)


def test_a_worker_killed_right_after_it_stored_a_stage_loses_no_swing(rig: Rig, ledger: Ledger, prove: Prove) -> None:
    victims = [swing(f"killed-after-{stage}", user=f"golfer-{number % 3}") for number, stage in enumerate(STAGES)]
    killer = KillAt({upload.analysis_id: stage for upload, stage in zip(victims, STAGES, strict=True)})
    rig.proxy.after.append(killer)
    ledger.put(mixed(victims, refused("killed-after")))
    prove(ledger, 2 * BURST_TIMEOUT_S)
    assert sorted(killer.killed) == sorted(STAGES)
