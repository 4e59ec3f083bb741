"""Whatever ends the supervisor, nothing that it started goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from golf_pipeline.local.keeper import MARK_VARIABLE, marked_processes
from golf_pipeline.local.processes import Family
from golf_pipeline_tests.local.support import wait_until

SLEEP = "import time; time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
# A descendant that leaves the group and the session of its parent, as daemons do, and whose parent then ends.
RUNAWAY = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}], start_new_session=True)"

SUPERVISOR = """
import os, sys, time
from pathlib import Path
from golf_pipeline.local.processes import Family
folder, sources = Path(sys.argv[1]), sys.argv[2:]
family = Family(folder, os.open(os.devnull, os.O_RDONLY), grace_s=1.0)
for number, source in enumerate(sources):
    family.start(f"child{number}", [sys.executable, "-c", source], os.environ, folder)
print(family.mark, flush=True)
time.sleep(600)
"""


@pytest.fixture
def family(tmp_path: Path) -> Family:
    return Family(tmp_path / "logs", os.open(os.devnull, os.O_RDONLY), grace_s=1.0)


def start(family: Family, source: str, name: str = "child") -> None:
    family.start(name, [sys.executable, "-c", source], os.environ, Path.cwd())


def test_stopping_ends_children_that_obey_that_do_not_and_that_ran_away(family: Family) -> None:
    start(family, SLEEP, "obeys")
    start(family, STUBBORN, "stubborn")
    start(family, RUNAWAY, "parent of a runaway")
    wait_until(lambda: family.children[2].exit_code is not None)
    assert len(marked_processes(family.mark)) == 3
    family.stop([["obeys"], ["stubborn"]])
    assert marked_processes(family.mark) == []
    assert not family.keeper_lives


def test_stopping_twice_and_killing_after_stopping_are_harmless(family: Family) -> None:
    start(family, SLEEP)
    family.stop([])
    family.stop([])
    family.kill()
    assert marked_processes(family.mark) == []


def test_killing_ends_everything_at_once(family: Family) -> None:
    start(family, STUBBORN)
    start(family, RUNAWAY)
    began = time.monotonic()
    family.kill()
    assert marked_processes(family.mark) == []
    assert time.monotonic() - began < 5.0


def test_a_killed_supervisor_leaves_nobody(tmp_path: Path) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path), SLEEP, STUBBORN, RUNAWAY], stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout is not None
    mark = supervisor.stdout.readline().strip()
    wait_until(lambda: len(marked_processes(mark)) >= 3)
    supervisor.kill()
    supervisor.wait()
    wait_until(lambda: marked_processes(mark) == [])


def test_a_keeper_that_is_asked_to_end_takes_the_children_with_it(family: Family) -> None:
    start(family, SLEEP)
    os.kill(family._keeper.pid, signal.SIGTERM)
    wait_until(lambda: not family.keeper_lives)
    assert marked_processes(family.mark) == []
    family.stop([])


def test_a_child_that_ends_is_noticed_with_the_tail_of_this_start_of_its_log(family: Family) -> None:
    start(family, "print('an earlier start')")
    wait_until(family.ended)
    family.children.clear()
    start(family, "import sys; print('so it goes'); sys.exit(3)")
    wait_until(family.ended)
    child = family.ended()
    assert child is not None
    assert (child.exit_code, child.log_tail()) == (3, "so it goes")
    family.stop([])


def test_children_know_the_mark_and_have_no_way_to_read_the_terminal(family: Family) -> None:
    start(family, f"import os, sys; print(os.environ[{MARK_VARIABLE!r}], repr(sys.stdin.read()))")
    wait_until(family.ended)
    assert family.children[0].log_tail() == f"{family.mark} ''"
    family.stop([])


def test_a_child_that_is_restarted_loses_what_it_had_started_and_runs_its_own_command_again(family: Family) -> None:
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); {SLEEP}"
    start(family, parent)
    wait_until(lambda: len(marked_processes(family.mark)) == 2)
    (child,) = family.children
    before = set(marked_processes(family.mark))
    again = family.restart(child)
    assert (family.children, again.command) == ([again], child.command)
    wait_until(lambda: len(marked_processes(family.mark)) == 2)
    assert not before & set(marked_processes(family.mark))
    family.stop([])
