"""`golf-pipeline dev`: every way to end it ends everything, and what keeps it from starting is said clearly."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from golf_pipeline.local.ports import HOST
from golf_pipeline_tests.local.support import TIMEOUT_S, parts_of, wait_until


def dev(folder: Path, *options: str) -> subprocess.Popen[str]:
    ports = ("--api-port", "0", "--dagster-port", "0", "--aws-port", "0", "--issuer-port", "0")
    command = [sys.executable, "-m", "golf_pipeline.cli", "dev", "--data-folder", str(folder), *ports, *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A `dev` whose first parts run; it is still starting the others."""
    process = dev(tmp_path)
    wait_until(lambda: len(parts_of(tmp_path)) >= 2)
    yield process
    process.kill()
    process.wait()
    wait_until(lambda: not parts_of(tmp_path))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_stack_and_every_part(
    started: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    started.send_signal(number)
    output, _ = started.communicate(timeout=TIMEOUT_S)
    assert parts_of(tmp_path) == [], "nothing is left the moment it returns"
    assert started.returncode == 0
    assert "Traceback" not in output


def test_a_killed_dev_leaves_no_part_and_frees_its_folder(started: subprocess.Popen[str], tmp_path: Path) -> None:
    started.kill()
    started.wait()
    wait_until(lambda: not parts_of(tmp_path))
    again = dev(tmp_path)
    wait_until(lambda: len(parts_of(tmp_path)) >= 2)
    again.terminate()
    again.communicate(timeout=TIMEOUT_S)
    assert again.returncode == 0


def test_a_second_stack_in_the_same_folder_is_refused(started: subprocess.Popen[str], tmp_path: Path) -> None:
    second = dev(tmp_path)
    output, _ = second.communicate(timeout=TIMEOUT_S)
    assert second.returncode == 1
    assert f"process {started.pid}" in output
    assert str(tmp_path) in output.replace("\n", "")
    assert started.poll() is None


def test_a_busy_port_is_named_with_its_holder_and_its_option(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        process = dev(tmp_path, "--dagster-port", str(port))
        output, _ = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    for word in (str(port), "Dagster", f"process {os.getpid()}", "--dagster-port", "GOLF_DAGSTER_PORT"):
        assert word in output
    assert parts_of(tmp_path) == []


def test_a_part_that_ends_while_starting_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "aws").mkdir()
    (tmp_path / "aws" / "index.db").write_bytes(b"this is no database" * 100)
    process = dev(tmp_path)
    output, _ = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    assert "aws ended by itself" in output
    assert "file is not a database" in output
    assert parts_of(tmp_path) == []
