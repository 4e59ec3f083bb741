"""The machine and its operators: a disk that fills up, a deployment in the middle of a burst, everything off and on."""

import random

import pytest

from golf_pipeline.local.stack import CODE_SERVER
from golf_pipeline.swing.errors import ErrorCode
from golf_pipeline_tests.chaos.burst import burst, swing
from golf_pipeline_tests.chaos.conftest import BURST_TIMEOUT_S, Prove
from golf_pipeline_tests.chaos.ledger import Ledger
from golf_pipeline_tests.chaos.patches.sitecustomize import METRICS_VERSION
from golf_pipeline_tests.chaos.rig import Rig
from golf_pipeline_tests.local.support import wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]

FULL = b"No space left on device"


def test_a_disk_that_is_full_for_a_while_loses_no_swing(rig: Rig, ledger: Ledger, prove: Prove) -> None:
    _need_limited_disk(rig)
    ledger.put(burst("disk-full-for-a-while"))
    for ended in (0, 3):
        wait_until(lambda least=ended: rig.look_after() or ledger.ended() >= least, timeout_s=BURST_TIMEOUT_S)
        complaints = rig.told(FULL)
        with rig.full_disk():
            wait_until(lambda told=complaints: rig.look_after() or rig.told(FULL) > told, timeout_s=BURST_TIMEOUT_S)
            rig.pass_time(3.0)
    prove(ledger, BURST_TIMEOUT_S)


def test_a_disk_that_stays_full_fails_each_swing_so_that_another_try_can_help_and_it_does(
    rig: Rig, ledger: Ledger, prove: Prove
) -> None:
    _need_limited_disk(rig)
    upload = swing("disk-stays-full")
    with rig.full_disk():
        ledger.put([upload])
        ledger.wait(BURST_TIMEOUT_S)
        record = rig.records([upload.key])[upload.key]
        assert (record.error_code, record.retryable) == (ErrorCode.INTERNAL, True)
    rig.catalog.request_analysis(record.analysis_id)
    prove(ledger, BURST_TIMEOUT_S)


def _need_limited_disk(rig: Rig) -> None:
    if not rig.work_is_limited:
        pytest.skip("a file system of its own for the work folder takes root")


def test_a_version_deployed_during_a_burst_is_used_from_then_on_and_loses_no_swing(
    rig: Rig, ledger: Ledger, prove: Prove
) -> None:
    deployed = "deployed"
    ledger.put(burst("before-the-deployment"))
    wait_until(lambda: rig.look_after() or ledger.ended() >= 2, timeout_s=BURST_TIMEOUT_S)
    rig.stack.environment[METRICS_VERSION] = deployed
    try:
        rig.stack.restart(CODE_SERVER)
        after = burst("after-the-deployment", swings=3)
        ledger.put(after)
        prove(ledger, BURST_TIMEOUT_S)
        fine = [rig.catalog.stages(upload.analysis_id) for upload in after if upload.sample]
        assert {stages["metrics"].version for stages in fine} == {deployed}
    finally:
        del rig.stack.environment[METRICS_VERSION]
        rig.stack.restart(CODE_SERVER)


def test_everything_stopped_and_started_at_random_during_a_burst_loses_nothing(
    rig: Rig, ledger: Ledger, prove: Prove
) -> None:
    chance = random.Random(2026)
    for round_number in range(4):
        ledger.put(burst(f"off-and-on-{round_number}", swings=3))
        rig.pass_time(chance.uniform(0.0, 15.0))
        if chance.random() < 0.5:
            rig.stack.stop()
        else:
            rig.stack.kill()
        rig.stack.start()
    prove(ledger, 2 * BURST_TIMEOUT_S)
