"""One stack for the whole group: it must take one fault after the other."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from golf_pipeline.storage.result import RESULT_STAGE, ResultDocument
from golf_pipeline_tests.chaos.burst import SWINGS, swing
from golf_pipeline_tests.chaos.ledger import Ledger
from golf_pipeline_tests.chaos.rig import Rig

BURST_TIMEOUT_S = 600.0
"""Until a burst has ended; on two idle cores the longest takes a third of it."""


@pytest.fixture(scope="session")
def standing_rig() -> Iterator[Rig]:
    with Rig() as rig:
        yield rig


@pytest.fixture(scope="session")
def references(standing_rig: Rig) -> Mapping[str, ResultDocument]:
    """The result of each sample in calm: what all later ones must agree with."""
    calm = {sample: swing(f"calm-{sample}", sample, "reference") for sample in SWINGS}
    ledger = Ledger(standing_rig, {})
    ledger.put(calm.values())
    ledger.wait(BURST_TIMEOUT_S)
    assert not ledger.open(), "the stack does not even work in calm"
    found = {}
    for sample, upload in calm.items():
        output = standing_rig.catalog.stages(upload.analysis_id)[RESULT_STAGE]
        found[sample] = ResultDocument.model_validate_json(standing_rig.read(output.key))
    return found


@pytest.fixture
def rig(standing_rig: Rig) -> Iterator[Rig]:
    yield standing_rig
    standing_rig.proxy.calm()
    standing_rig.proxy.counts.clear()


@pytest.fixture
def ledger(rig: Rig, references: Mapping[str, ResultDocument]) -> Ledger:
    return Ledger(rig, references)


Prove = Callable[[Ledger, float], None]


@pytest.fixture
def prove(rig: Rig, request: pytest.FixtureRequest) -> Prove:
    """Wait for the ends, say what was lost, doubled and late, and hold that each upload came to its one right end."""

    def wait_and_compare(ledger: Ledger, timeout_s: float) -> None:
        ledger.wait(timeout_s)
        account = ledger.audit()
        done = ", ".join(f"{count} x {fault}" for fault, count in sorted(rig.proxy.counts.items())) or "by the test"
        print(f"\n{request.node.name}\nfaults: {done}\n{account}")  # noqa: T201
        assert account.is_right, str(account)

    return wait_and_compare
