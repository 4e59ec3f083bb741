"""The lease of a run on what it works on: a thread that says every so often that the run's process lives.

Neither Dagster's state of a run nor a swing's last stage tells: a run whose process died while the databases were away
stays STARTED for ever, and a long video takes minutes between two stages.
"""

import logging
import threading
from collections.abc import Callable

RENEWED_EVERY_S = 30.0

log = logging.getLogger(__name__)


class Lease:
    """Calls `renew` every `RENEWED_EVERY_S` until it is closed; a call that fails is made again the next time."""

    def __init__(self, renew: Callable[[], None], every_s: float = RENEWED_EVERY_S) -> None:
        self._renew, self._every_s = renew, every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Renew no more; returns once a call under way has ended."""
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._over.wait(self._every_s):
            try:
                self._renew()
            except Exception as error:
                log.warning("the lease could not be renewed: %s", type(error).__name__)
