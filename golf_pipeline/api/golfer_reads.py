"""Reading what this service itself keeps about a golfer in S3, for the routes of users and drills."""

from collections.abc import Iterator
from contextlib import contextmanager

from golf_pipeline.api.problems import Problem
from golf_pipeline.storage.kept_objects import KeptObjects
from golf_pipeline.storage.profiles import StoredProfile, read_profile
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline.swing.profile import SwingProfile


@contextmanager
def our_own_objects() -> Iterator[None]:
    """Around access to objects of our own: what S3 forbids there is an operator's matter and not the caller's.

    Raises:
        Problem: 503, S3 does not let us.
        SwingError: whatever else S3 said.
    """
    try:
        yield
    except SwingError as error:
        if error.code != ErrorCode.UPLOAD_FORBIDDEN:
            raise
        detail = "Our storage does not let us reach your profile. Please try again later."
        raise Problem(503, ErrorCode.STORAGE_UNAVAILABLE, detail) from error


def profile_of(store: KeptObjects, stored: StoredProfile | None) -> SwingProfile | None:
    """The golfer's profile; None before the first, or where it was deleted.

    Raises:
        Problem, SwingError: as `our_own_objects`.
    """
    with our_own_objects():
        return read_profile(store, stored)
