"""What S3's refusals mean here: a missing or forbidden object is permanent; anything that a healthy service would not
answer is retryable."""

from golf_pipeline.swing.errors import ErrorCode, SwingError

_OUR_FAULT = frozenset(
    {
        "NoSuchBucket",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "InvalidToken",
        "RequestTimeTooSkewed",
        "AuthorizationHeaderMalformed",
    }
)
"""Answers (as 403 or 404) to a wrong setting, key or clock of this service: the golfer's upload is neither gone nor
forbidden, and failing it for good would fail every swing until an operator notices."""


def refused(key: str, status: int, code: str) -> SwingError:
    """The error for an answer about an object: HTTP status, and S3's error code where there is one."""
    detail = f"{key}: {code or status}"
    if code in _OUR_FAULT:
        return unavailable(detail)
    if status == 404:
        return SwingError(
            ErrorCode.UPLOAD_DELETED, "The video is no longer there. Please upload it again.", detail=detail
        )
    if status == 412:
        return SwingError(
            ErrorCode.UPLOAD_DELETED,
            "The video was replaced by another one while we read it; the newer one is analysed instead.",
            detail=detail,
        )
    if status in {401, 403}:
        return SwingError(
            ErrorCode.UPLOAD_FORBIDDEN,
            "We are not allowed to read this video. Please upload it again through the app.",
            detail=detail,
        )
    return unavailable(detail)


def unavailable(detail: str) -> SwingError:
    return SwingError(
        ErrorCode.STORAGE_UNAVAILABLE,
        "Our storage did not answer. The video is safe; we will try again.",
        detail=detail,
        retryable=True,
    )
