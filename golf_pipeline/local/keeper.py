"""The keeper: ends the stack's processes when the process that started them is gone, however it went.

A tiny process of its own, because nothing inside the supervisor survives a kill -9 of it. The supervisor holds the
other end of the keeper's standard input and writes the process groups it starts; the kernel closes that end when the
supervisor ends, and the keeper then ends every group and, where /proc exists, every process that carries the stack's
mark in its environment (run workers that left their group, children that were never announced). It also holds the
lock of the data folder until it is done, so that no new stack starts beside an old one that is still ending.

Standard library only, and run as a file: it must start in no time and depend on nothing that can break.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

POLL_S = 0.05
MARK_VARIABLE = "GOLF_STACK_ID"


def marked_processes(mark: str) -> list[int]:
    """Return the live processes whose environment carries the mark; none where there is no /proc."""
    needle = f"{MARK_VARIABLE}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if needle in (folder / "environ").read_bytes().split(b"\0") and not _is_zombie(folder):
                found.append(int(folder.name))
    return found


def group_lives(group: int) -> bool:
    """Say whether any process of a group is there. A child that died but was not waited for counts."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS: nothing but zombies is left
        return False
    return True


def signal_all(groups: Iterable[int], mark: str, number: signal.Signals) -> bool:
    """Signal the groups and the marked processes; say whether there was anybody."""
    somebody = False
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
            somebody = True
    for process in marked_processes(mark):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, number)
            somebody = True
    return somebody


def end_all(groups: Iterable[int], mark: str, grace_s: float) -> None:
    """End groups and marked processes: politely, and after `grace_s` seconds by force."""
    groups = set(groups)
    deadline = time.monotonic() + grace_s
    if not signal_all(groups, mark, signal.SIGTERM):
        return
    while time.monotonic() < deadline:
        if not any(group_lives(g) for g in groups) and not marked_processes(mark):
            return
        time.sleep(POLL_S)
    while signal_all(groups, mark, signal.SIGKILL) and time.monotonic() < deadline + grace_s:
        time.sleep(POLL_S)


def main() -> None:
    """Arguments: the stack's mark, the grace in seconds. Standard input: `+<group>` and `-<group>`, one a line.

    Says one line on its standard output once it is on guard.
    """
    mark, grace_s = sys.argv[1], float(sys.argv[2])
    groups: set[int] = set()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        os.write(sys.stdout.fileno(), b"on guard\n")
        for line in sys.stdin:
            (groups.add if line.startswith("+") else groups.discard)(int(line[1:]))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end_all(groups, mark, grace_s)


def _is_zombie(folder: Path) -> bool:
    # The state follows the last ")" of the name.
    return (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[0] == "Z"


if __name__ == "__main__":
    main()
