"""The landmarks of the golfer: the most expensive stage, so the one that is never paid twice for the same bytes."""

from golf_pipeline.model_download import download
from golf_pipeline.orchestration.checks import pose_coverage
from golf_pipeline.orchestration.swing_assets import Made, swing_asset
from golf_pipeline.orchestration.workspace import Swing
from golf_pipeline.storage.records import StageOutput
from golf_pipeline.swing.documents import VideoFacts
from golf_pipeline.swing.errors import SwingError
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.pose import ALGORITHM_VERSION, track_pose
from golf_pipeline.swing.pose_model import find_pose_model, model_label

FILE_NAME = "pose_keypoints.parquet"


@swing_asset(
    stage="pose",
    version=ALGORITHM_VERSION,
    deps=["swing_video"],
    kinds={"mediapipe", "parquet"},
    checks=[pose_coverage],
)
def pose_keypoints(swing: Swing) -> Made:
    """33 body landmarks a frame, as Parquet; copied where the same bytes were already looked at by the same version."""
    settings = swing.settings
    model = find_pose_model(settings.pose_model, settings.data_folder / "models", download)
    earlier = swing.made_before("pose", ALGORITHM_VERSION)
    track = _reuse(swing, earlier, model_label(model)) if earlier else None
    reused = track is not None
    if track is None:
        track = track_pose(swing.video, swing.document(VideoFacts, "video"), model)
        path = swing.folder / FILE_NAME
        track.write_parquet(path)
        swing.put_file("pose", ALGORITHM_VERSION, path)
    swing.keep_track(track)
    return Made(
        swing.key("pose", ALGORITHM_VERSION, FILE_NAME),
        {
            "frames": len(track),
            "frames_with_body": int(track.found.sum()),
            "coverage": round(track.coverage, 4),
            "cuts": len(track.cuts),
            "model": track.model,
        },
        reused=reused,
    )


def _reuse(swing: Swing, earlier: StageOutput, model: str) -> LandmarkTrack | None:
    """The earlier landmarks, copied to where this swing's belong; None if they are gone or of another model."""
    try:
        track = swing.read_track(earlier.key)
        if track.model != model:
            return None
        own_key = swing.key("pose", ALGORITHM_VERSION, FILE_NAME)
        if earlier.key != own_key:
            swing.workspace.objects.copy(earlier.key, own_key)
    except SwingError as error:
        if error.retryable:
            raise
        return None
    return track
