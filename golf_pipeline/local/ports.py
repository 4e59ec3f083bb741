"""Which ports the local stack takes, and who holds one that is taken."""

import contextlib
import socket
from pathlib import Path

HOST = "127.0.0.1"


class PortTakenError(Exception):
    """A port that was asked for is in use; the message says by whom and which option chooses another."""


def claim_port(wanted: int, what: str, option: str) -> int:
    """Return `wanted` if it is free, any free port for 0.

    Nothing is held: between this look and the server's own bind another process can still take the port, and the
    server then says so in its log.

    Raises:
        PortTakenError: somebody listens there.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose old connections are in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except PermissionError as error:
            raise PortTakenError(
                f"Port {wanted} for {what} needs more rights than you have: choose {option}"
            ) from error
        except OSError as error:
            raise PortTakenError(
                f"Port {wanted} for {what} is taken by {_holder(wanted)}. "
                f"Choose another with {option} (0: any free one)."
            ) from error
        port: int = probe.getsockname()[1]
        return port


def _holder(port: int) -> str:
    """Name the process that listens on a port, as far as this system and this user's rights tell."""
    sockets = _listening_sockets(port)
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            for descriptor in (folder / "fd").iterdir():
                if str(descriptor.readlink()) in sockets:
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                    return f"process {folder.name} ({command[:120]})"
    return "another process"


def _listening_sockets(port: int) -> set[str]:
    listening = "0A"
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == listening and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{fields[9]}]")
    return found
