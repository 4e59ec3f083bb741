"""Every way in which a swing can fail, as one typed error with a stable code.

The message is written for a golfer; the detail is for the operator's log. What may succeed on another try says so in
`retryable`: nothing else decides about retries.
"""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Stable codes: clients branch on them, so a code is never renamed."""

    NOT_AN_UPLOAD = "NOT_AN_UPLOAD"
    UPLOAD_DELETED = "UPLOAD_DELETED"
    UPLOAD_FORBIDDEN = "UPLOAD_FORBIDDEN"
    UPLOAD_NEVER_CAME = "UPLOAD_NEVER_CAME"
    VIDEO_EMPTY = "VIDEO_EMPTY"
    VIDEO_TOO_LARGE = "VIDEO_TOO_LARGE"
    VIDEO_UNREADABLE = "VIDEO_UNREADABLE"
    VIDEO_TRUNCATED = "VIDEO_TRUNCATED"
    VIDEO_WITHOUT_PICTURE = "VIDEO_WITHOUT_PICTURE"
    VIDEO_TOO_SHORT = "VIDEO_TOO_SHORT"
    VIDEO_TOO_LONG = "VIDEO_TOO_LONG"
    VIDEO_DIMENSIONS = "VIDEO_DIMENSIONS"
    NO_GOLFER = "NO_GOLFER"
    NO_COMPLETE_SWING = "NO_COMPLETE_SWING"
    POSE_MODEL_MISSING = "POSE_MODEL_MISSING"
    POSE_MODEL_WRONG = "POSE_MODEL_WRONG"
    STORAGE_UNAVAILABLE = "STORAGE_UNAVAILABLE"
    INTERNAL = "INTERNAL"


class SwingError(Exception):
    """A failure with a code, a sentence for the golfer, a detail for the operator, and whether a retry can help."""

    def __init__(self, code: ErrorCode, message: str, *, detail: str = "", retryable: bool = False) -> None:
        super().__init__(f"{code}: {message}" + (f" ({detail})" if detail else ""))
        self.code = code
        self.message = message
        self.detail = detail
        self.retryable = retryable

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders (process pools, Dagster steps); keyword-only fields are lost by default.
        return (_rebuild, (type(self), self.code, self.message, self.detail, self.retryable))


class VideoRefused(SwingError):
    """The file is no video we can analyse: another try with the same bytes will end the same way."""


class SwingNotFound(SwingError):
    """The video is fine but holds no complete swing (or no golfer)."""


class PoseModelError(SwingError):
    """The pose model is missing or is not the file whose hash we trust: an operator's problem, never the golfer's."""


def _rebuild(kind: type[SwingError], code: ErrorCode, message: str, detail: str, retryable: bool) -> SwingError:
    return kind(code, message, detail=detail, retryable=retryable)
