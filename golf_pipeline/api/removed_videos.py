"""What a caller is told of a video that retention has removed: that it is gone for good, and that its result is not."""

from golf_pipeline.api.problems import Problem
from golf_pipeline.storage.records import AnalysisRecord


def refuse_removed(record: AnalysisRecord | None) -> None:
    """Return unless the swing's video was removed because it had been kept for long enough.

    Raises:
        Problem: 410, with the days after which it was.
    """
    if record is None or record.video_removed_at is None:
        return
    days = (record.video_removed_at - record.recorded_at).days
    sentence = f"The video was removed after {days} days: videos are not kept for longer. What was made of it stays."
    raise Problem(410, "VIDEO_REMOVED", f"{sentence} To have the swing analysed anew, upload the video again.")
