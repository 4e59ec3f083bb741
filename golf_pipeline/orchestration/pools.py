"""The pool of Dagster that bounds how many steps ask the model's API at once, over all runs and machines.

Its limit is `concurrency` in `dagster.yaml`, or what the operator sets under Deployment, Concurrency in the UI. A step
that finds the pool full waits in its run; what does not depend on it goes on.
"""

import time

from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext

MODEL_API = "model_api"


def _seconds_to_next_look(self: InstanceConcurrencyContext) -> float:
    """Dagster 1.13 takes the smaller one of 0 and the time left: a run whose step waits would ask without a pause and
    keep a core busy (dagster-io/dagster, pull request 20367)."""
    now = time.time()
    return max(0.0, min((moment - now for moment in self._pending_timeouts.values()), default=0.0))


InstanceConcurrencyContext.interval_to_next_pending_claim_check = _seconds_to_next_look  # type: ignore[method-assign]
