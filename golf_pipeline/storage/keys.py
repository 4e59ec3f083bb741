"""The key layout in S3: which keys are uploads, and where everything made from them goes.

Derived objects live under their upload's prefix, so the upload filter must match the two-segment key and nothing
deeper: else the pipeline would feed itself with its own overlay videos.
"""

import hashlib
import re
from dataclasses import dataclass

from golf_pipeline.swing.errors import ErrorCode, SwingError

UPLOADS_PREFIX = "golf-swings/"
PROFILES_PREFIX = "golf-profiles/"
ANSWERS_PREFIX = "golf-coaching-answers/"
VIDEO_EXTENSIONS = ("mp4", "mov", "m4v")
GUEST = "guest"
MAX_SEGMENT_LENGTH = 128
"""Characters of a user id or an analysis id: S3 allows 1,024 bytes for the whole key, derived keys included."""

_SEGMENT = re.compile(r"[^/\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")
"""No control characters; none that break a line or turn its direction in a page or a log; only storable text."""

_SAFE_PARTITION = re.compile(r"[A-Za-z0-9_.\-]+")


@dataclass(frozen=True)
class Upload:
    """An upload's place: `golf-swings/{user_id}/{analysis_id}.{extension}`."""

    user_id: str
    analysis_id: str
    extension: str
    key: str


def upload_key(user_id: str, analysis_id: str, extension: str) -> str:
    return f"{UPLOADS_PREFIX}{user_id}/{analysis_id}.{extension}"


def parse_upload_key(key: str) -> Upload:
    """Read a key of the upload layout.

    Raises:
        SwingError: NOT_AN_UPLOAD for any other key, derived objects included.
    """
    user_id, separator, name = key.removeprefix(UPLOADS_PREFIX).partition("/")
    stem, dot, extension = name.rpartition(".")
    if not key.startswith(UPLOADS_PREFIX) or not separator or not dot:
        raise _not_an_upload("it is not golf-swings/{userId}/{analysisId}.{mp4,mov,m4v}")
    if extension.lower() not in VIDEO_EXTENSIONS:
        raise _not_an_upload(f"the extension is none of {', '.join(VIDEO_EXTENSIONS)}")
    for field, value in (("userId", user_id), ("analysisId", stem)):
        if not _SEGMENT.fullmatch(value) or value in {".", ".."} or value != value.strip():
            raise _not_an_upload(f"the {field} is empty or has characters that cannot be used")
        if len(value.encode()) > MAX_SEGMENT_LENGTH:
            raise _not_an_upload(f"the {field} is longer than {MAX_SEGMENT_LENGTH} bytes")
    return Upload(user_id, stem, extension, key)


def is_derived_key(key: str) -> bool:
    """Whether the key is nobody's upload: deeper than one, a profile, an answer of the coach's model, or the empty
    "folder" that S3 consoles make."""
    if key.startswith((PROFILES_PREFIX, ANSWERS_PREFIX)) or key.endswith("/"):
        return True
    return key.startswith(UPLOADS_PREFIX) and key.removeprefix(UPLOADS_PREFIX).count("/") >= 2


def output_key(user_id: str, analysis_id: str, stage: str, version: str, name: str) -> str:
    return f"{UPLOADS_PREFIX}{user_id}/{analysis_id}/{stage}/{version}/{name}"


def swing_folder(user_id: str, analysis_id: str) -> str:
    """Where everything made from a swing is; ends with a slash."""
    return f"{UPLOADS_PREFIX}{user_id}/{analysis_id}/"


def counterpart(name: str, analysis_id: str, other_id: str) -> str:
    """What an object, named below its swing's folder, is called below that of another swing."""
    frames = f"frames/{analysis_id}/"
    return f"frames/{other_id}/{name.removeprefix(frames)}" if name.startswith(frames) else name


def frame_key(user_id: str, analysis_id: str, file_name: str) -> str:
    """The key of a key frame; older clients expect the analysis id twice."""
    return f"{UPLOADS_PREFIX}{user_id}/{analysis_id}/frames/{analysis_id}/{file_name}"


def profile_key(user_id: str, version: str) -> str:
    return f"{PROFILES_PREFIX}{user_id}/{version}/swing_profile.json"


def metric_history_key(user_id: str, version: str) -> str:
    return f"{PROFILES_PREFIX}{user_id}/{version}/metric_history.parquet"


def swing_history_key(user_id: str, version: str) -> str:
    return f"{PROFILES_PREFIX}{user_id}/{version}/swing_history.parquet"


def profile_swings_key(user_id: str, version: str) -> str:
    """What the profile was made of, kept for the next time."""
    return f"{PROFILES_PREFIX}{user_id}/{version}/swings.json.gz"


def user_context_key(user_id: str) -> str:
    """What the golfer says of themselves; it is not made by any version."""
    return f"{PROFILES_PREFIX}{user_id}/user_context.json"


def answer_key(question: str) -> str:
    """The key of a model's answer to a question of this hash: no golfer's, as the same findings ask the same."""
    return f"{ANSWERS_PREFIX}{question}.json"


def partition_key(name: str) -> str:
    """A Dagster partition key for an analysis id: itself where safe, else readable plus a hash.

    Slashes break Dagster's I/O, "..." marks a range, and control characters break its pages.
    """
    if _SAFE_PARTITION.fullmatch(name) and "..." not in name:
        return name
    readable = re.sub(r"[^A-Za-z0-9_\-]+", "-", name).strip("-")[:60]
    return f"{readable}-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:12]}"


def _not_an_upload(why: str) -> SwingError:
    return SwingError(
        ErrorCode.NOT_AN_UPLOAD,
        "This file is not where swing videos go, or it is not an MP4 or MOV. Please upload the video through the app.",
        detail=why,
    )
