"""The services around: databases that restart, an S3 that fails, a queue that tells late, twice, wrongly or never."""

import signal
from pathlib import Path

import psutil
import pytest

from golf_pipeline.local.stack import POSTGRES
from golf_pipeline_tests.chaos.burst import Upload, burst, swing
from golf_pipeline_tests.chaos.conftest import BURST_TIMEOUT_S, Prove
from golf_pipeline_tests.chaos.faults import Asked, S3Faults, Skew, SqsFaults
from golf_pipeline_tests.chaos.ledger import Ledger
from golf_pipeline_tests.chaos.rig import Rig
from golf_pipeline_tests.local.support import wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]

HOUR_S = 3600.0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_both_databases_restarted_under_load_lose_no_swing(
    rig: Rig, ledger: Ledger, prove: Prove, number: signal.Signals
) -> None:
    ledger.put(burst(f"database-{number.name}"))
    for moment_s in (2.0, 10.0, 10.0):
        rig.pass_time(moment_s)
        server = psutil.Process(rig.stack.process_group(POSTGRES))
        server.send_signal(number)
        server.wait(20)
    prove(ledger, BURST_TIMEOUT_S)


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(S3Faults(error=0.15, slow_down=0.1), id="S3 answers 500 and 503"),
        pytest.param(S3Faults(slow_start=0.1, slow_body=0.1, pause_s=1.5), id="S3 is slow"),
        pytest.param(S3Faults(reset_before=0.07, reset_after=0.07, cut_body=0.07), id="S3 resets connections"),
    ],
)
def test_an_s3_that_fails_loses_no_swing(
    rig: Rig, ledger: Ledger, prove: Prove, request: pytest.FixtureRequest, faults: S3Faults
) -> None:
    rig.proxy.s3 = faults
    ledger.put(burst(request.node.callspec.id.replace(" ", "-")))
    prove(ledger, BURST_TIMEOUT_S)


def test_an_s3_that_is_away_for_a_while_loses_no_swing(rig: Rig, ledger: Ledger, prove: Prove) -> None:
    ledger.put(burst("s3-away"))
    rig.pass_time(6.0)
    rig.proxy.s3 = S3Faults(error=1.0)
    rig.pass_time(20.0)
    rig.proxy.s3 = S3Faults()
    prove(ledger, BURST_TIMEOUT_S)


def test_events_that_come_twice_out_of_order_and_late_start_each_swing_once(
    rig: Rig, ledger: Ledger, prove: Prove
) -> None:
    rig.proxy.sqs = SqsFaults(twice=0.6, late=0.5, late_s=15.0, shuffled=True)
    uploads = burst("twice")
    ledger.put(uploads[:6])
    rig.pass_time(5.0)
    ledger.put(uploads[6:])
    prove(ledger, BURST_TIMEOUT_S)
    assert rig.proxy.counts["message twice"] > 0


def test_uploads_whose_event_never_comes_are_found_by_listing(rig: Rig, ledger: Ledger, prove: Prove) -> None:
    rig.proxy.sqs = SqsFaults(never=0.5)
    ledger.put(burst("never"))
    prove(ledger, BURST_TIMEOUT_S)
    assert rig.proxy.counts["message never"] > 0


@pytest.mark.parametrize(
    "skew",
    [
        pytest.param(Skew(-HOUR_S, -HOUR_S), id="AWS is an hour behind"),
        pytest.param(Skew(HOUR_S, HOUR_S), id="AWS is an hour ahead"),
        pytest.param(Skew(-HOUR_S, HOUR_S), id="events behind and objects ahead"),
    ],
)
def test_another_clock_loses_no_swing_and_the_newer_upload_of_a_key_wins(
    rig: Rig, ledger: Ledger, prove: Prove, request: pytest.FixtureRequest, skew: Skew
) -> None:
    name = request.node.callspec.id.replace(" ", "-")
    rig.proxy.skew = skew
    older = swing(f"{name}-replaced")
    ledger.put([older, *burst(name, swings=3)])
    wait_until(lambda: older.key in rig.records([older.key]))
    ledger.put([older.replaced_by(swing(f"{name}-newer", "face_on_left"))])
    prove(ledger, BURST_TIMEOUT_S)


class ReplaceAt:
    """Puts another video over an upload at a moment of its life, once."""

    def __init__(self, ledger: Ledger, newer: Upload, method: str, key: str) -> None:
        self._ledger, self._newer, self._method, self._key = ledger, newer, method, key
        self.done = False

    def __call__(self, asked: Asked) -> None:
        if not self.done and asked.method == self._method and asked.key.startswith(self._key):
            self.done = True
            self._ledger.put([self._newer])


def test_a_video_replaced_while_it_is_read_or_worked_on_ends_as_its_newer_self(
    rig: Rig, ledger: Ledger, prove: Prove
) -> None:
    older = {name: swing(f"replaced-{name}") for name in ("before-its-bytes", "after-its-bytes", "later", "by-text")}
    newer = {name: one.replaced_by(swing(f"newer-{name}", "face_on_left")) for name, one in older.items()}
    text = next(upload for upload in burst("replacing") if upload.body.startswith(b"This is a text"))
    newer["by-text"] = older["by-text"].replaced_by(text)
    replacements = [
        (rig.proxy.before, "before-its-bytes", "GET", older["before-its-bytes"].key),
        (rig.proxy.after, "after-its-bytes", "GET", older["after-its-bytes"].key),
        (rig.proxy.after, "later", "PUT", f"{Path(older['later'].key).with_suffix('')}/metrics/"),
        (rig.proxy.after, "by-text", "PUT", f"{Path(older['by-text'].key).with_suffix('')}/pose/"),
    ]
    hooks = []
    for where, name, method, key in replacements:
        hooks.append(ReplaceAt(ledger, newer[name], method, key))
        where.append(hooks[-1])
    ledger.put([*older.values(), swing("not-replaced")])
    wait_until(lambda: rig.look_after() or all(hook.done for hook in hooks), timeout_s=BURST_TIMEOUT_S)
    prove(ledger, BURST_TIMEOUT_S)
