"""The data folder of a local stack: who may use it, and what Dagster reads from it.

All that must survive is in there: objects and queue (`aws/`), the databases (`catalog.db` and `dagster/history/`, or
`postgres/`), the keys of the development issuer (`issuer/`), logs. One stack at a time uses a folder, held by a lock.
"""

import fcntl
import os
import shutil
import time
from pathlib import Path
from typing import IO, Any

import yaml  # type: ignore[import-untyped]

import golf_pipeline

LOCK_WAIT_S = 20.0
POLL_S = 0.1

POSTGRES_STORAGE = {
    "custom": {
        "module": "golf_pipeline.orchestration.pooled_storage",
        "class": "PooledPostgresStorage",
        "config": {
            "postgres_db": {
                # Spelt out: SQLAlchemy 2.1 reads postgresql:// as psycopg 3, and dagster-postgres brings psycopg2.
                "scheme": "postgresql+psycopg2",
                "hostname": {"env": "DAGSTER_PG_HOST"},
                "username": {"env": "DAGSTER_PG_USERNAME"},
                "password": {"env": "DAGSTER_PG_PASSWORD"},
                "db_name": {"env": "DAGSTER_PG_DB"},
                "port": {"env": "DAGSTER_PG_PORT"},
            }
        },
    }
}
"""The `storage` of deploy/dagster.yaml, so that the local stack keeps its history as a deployment does."""


class StackError(Exception):
    """The stack cannot start or go on; the message is for the person at the terminal."""


def lock_folder(folder: Path) -> IO[str]:
    """Take the folder's lock; the file names its holder.

    Raises:
        StackError: another stack runs in the folder.
    """
    lock = (folder / "stack.lock").open("a+")
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
            # A dead holder's keeper keeps the lock until it has ended what the holder left: worth a short wait.
            if _process_lives(holder) or time.monotonic() > deadline:
                lock.close()
                raise StackError(
                    f"A stack (process {holder}) already runs in {folder}: stop it, or choose another data folder."
                ) from None
            time.sleep(POLL_S)
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def write_instance(home: Path, *, postgres: bool = False, max_concurrent_runs: int | None = None) -> None:
    """Write the instance's `dagster.yaml` into DAGSTER_HOME: the project's own, with what this stack has otherwise.

    Raises:
        StackError: the project's file is not there.
    """
    instance = Path(golf_pipeline.__file__).resolve().parents[1] / "dagster.yaml"
    if not instance.is_file():
        raise StackError(f"{instance} is missing: the local stack runs from a checkout of the project.")
    home.mkdir(parents=True, exist_ok=True)
    if not postgres and max_concurrent_runs is None:
        shutil.copyfile(instance, home / "dagster.yaml")
        return
    document: dict[str, Any] = yaml.safe_load(instance.read_text(encoding="utf-8"))
    if postgres:
        document["storage"] = POSTGRES_STORAGE
    if max_concurrent_runs is not None:
        document["run_queue"]["max_concurrent_runs"] = max_concurrent_runs
    (home / "dagster.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def _process_lives(number: str) -> bool:
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
