"""Child processes of the stack: started in groups of their own, logged to files, ended with all their descendants.

What is started is not known here (`stack.py`), nor whether it is ready (`probes.py`).
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from golf_pipeline.local import keeper

MAX_LOG_BYTES = 20 * 1024 * 1024
POLL_S = 0.05


@dataclass(eq=False)
class Child:
    """One running part of the stack."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    process: subprocess.Popen[bytes]
    log: Path
    log_start: int
    started: float
    """When, by `time.monotonic`."""
    is_task: bool = False
    """It is meant to end by itself, with code 0."""
    grace_s: float | None = None
    """How long it may take to end when asked; None: as long as the family's others, 0: it is not asked."""
    stop_signal: signal.Signals = signal.SIGTERM
    """How it is asked."""

    @property
    def exit_code(self) -> int | None:
        return self.process.poll()

    def lives(self) -> bool:
        """Say whether the process or any descendant in its group is there."""
        self.process.poll()
        return keeper.group_lives(self.process.pid)

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def log_tail(self, lines: int = 40) -> str:
        """Return the last lines that this start of the child has logged."""
        with self.log.open("rb") as log:
            log.seek(self.log_start)
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])


class Family:
    """The children of one stack, with a keeper that ends them if this process ends without doing so."""

    def __init__(self, logs: Path, lock_descriptor: int, grace_s: float) -> None:
        self._logs = logs
        self._logs.mkdir(parents=True, exist_ok=True)
        self._grace_s = grace_s
        self.mark = uuid.uuid4().hex
        self.children: list[Child] = []
        self._keeper = subprocess.Popen(  # noqa: S603 our own file
            [sys.executable, "-I", keeper.__file__, self.mark, str(grace_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock_descriptor,),
            start_new_session=True,
        )
        self._keeper_input = cast(IO[bytes], self._keeper.stdin)
        with cast(IO[bytes], self._keeper.stdout) as output:
            output.readline()  # on guard: nothing is started before

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        *,
        is_task: bool = False,
        grace_s: float | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> Child:
        """Start a child in `folder`, with its output in `<logs>/<name>.log`."""
        log = self._logs / f"{name}.log"
        if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as output:
            log_start = output.tell()
            process = subprocess.Popen(  # noqa: S603 the stack's own commands
                command,
                env={**environment, keeper.MARK_VARIABLE: self.mark},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._tell_keeper(f"+{process.pid}")
        began = time.monotonic()
        child = Child(name, command, environment, folder, process, log, log_start, began, is_task, grace_s, stop_signal)
        self.children.append(child)
        return child

    def restart(self, child: Child, command: Sequence[str] | None = None) -> Child:
        """Kill what is left of a child and its group, and start it again, with its own command unless one is given."""
        child.signal(signal.SIGKILL)
        child.process.wait()
        self._tell_keeper(f"-{child.process.pid}")
        self.children.remove(child)
        return self.start(
            child.name,
            command or child.command,
            child.environment,
            child.folder,
            is_task=child.is_task,
            grace_s=child.grace_s,
            stop_signal=child.stop_signal,
        )

    def ended(self) -> Child | None:
        """Return a child that has ended although it should not have, if any."""
        gone = (child for child in self.children if child.exit_code is not None)
        return next((child for child in gone if not (child.is_task and child.exit_code == 0)), None)

    @property
    def keeper_lives(self) -> bool:
        return self._keeper.poll() is None

    def stop(self, order: Sequence[Sequence[str]]) -> None:
        """End the children, one group of names after the other, then whatever carries the stack's mark.

        May be called again, also from a stop that was interrupted: what is gone is skipped.
        """
        for names in order:
            self._end([child for child in self.children if child.name in names])
        self._end(self.children)
        keeper.end_all((), self.mark, self._grace_s)
        self._close_keeper()

    def kill(self) -> None:
        """End everything at once, by force."""
        for child in self.children:
            child.signal(signal.SIGKILL)
            child.process.wait()
        keeper.signal_all((), self.mark, signal.SIGKILL)
        self._close_keeper()

    def _end(self, children: Sequence[Child]) -> None:
        began = time.monotonic()
        waited_for = {child: self._grace_s if child.grace_s is None else child.grace_s for child in children}
        for child, grace_s in waited_for.items():
            if grace_s > 0:
                child.signal(child.stop_signal)
        while waited_for:
            for child, grace_s in list(waited_for.items()):
                if not child.lives() or time.monotonic() - began >= grace_s:
                    child.signal(signal.SIGKILL)
                    child.process.wait()
                    self._tell_keeper(f"-{child.process.pid}")
                    del waited_for[child]
            time.sleep(POLL_S)

    def _tell_keeper(self, line: str) -> None:
        if self._keeper_input.closed:
            return
        with contextlib.suppress(BrokenPipeError):
            self._keeper_input.write(f"{line}\n".encode())
            self._keeper_input.flush()

    def _close_keeper(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._keeper_input.close()
        self._keeper.wait()
