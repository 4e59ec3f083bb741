"""Watching processes from outside: what a test of starting and stopping needs."""

import time
from collections.abc import Callable
from pathlib import Path

from golf_pipeline.local.keeper import MARK_VARIABLE

TIMEOUT_S = 60.0


def wait_until(condition: Callable[[], object], timeout_s: float = TIMEOUT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def parts_of(folder: Path) -> list[int]:
    """Live processes that work in a data folder and carry a stack's mark."""
    told = f"GOLF_DATA_FOLDER={folder.resolve()}".encode()
    mark = f"{MARK_VARIABLE}=".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            variables = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if told in variables and any(variable.startswith(mark) for variable in variables):
            found.append(int(process.name))
    return found
