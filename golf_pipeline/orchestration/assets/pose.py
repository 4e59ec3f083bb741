"""The landmarks of the golfer: the most expensive stage."""

from golf_pipeline.model_download import download
from golf_pipeline.orchestration.checks import pose_coverage
from golf_pipeline.orchestration.stages import UPLOAD, Made, swing_stage
from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.swing.documents import VideoFacts
from golf_pipeline.swing.pose import ALGORITHM_VERSION, track_pose
from golf_pipeline.swing.pose_model import MODEL_NAME, find_pose_model, model_label

FILE_NAME = "pose_keypoints.parquet"


def _model(swing: Swing) -> str:
    """Which model's landmarks they are: without a choice of the operator there is only one."""
    configured = swing.settings.pose_model
    return MODEL_NAME if configured is None else model_label(configured)


@swing_stage(
    stage="pose",
    version=ALGORITHM_VERSION,
    inputs=(UPLOAD, "video"),
    follows=_model,
    deps=("swing_video",),
    group="video",
    kinds={"mediapipe", "parquet"},
    checks=(pose_coverage,),
)
def pose_keypoints(swing: Swing) -> Made:
    """33 body landmarks a frame, as Parquet; copied where the same bytes were already looked at by the same version."""
    settings = swing.settings
    model = find_pose_model(settings.pose_model, settings.data_folder / "models", download)
    track = track_pose(swing.video, swing.document(VideoFacts, "video"), model)
    path = swing.folder / FILE_NAME
    track.write_parquet(path)
    swing.keep_track(track)
    return Made(
        swing.put_file(path),
        {
            "frames": len(track),
            "frames_with_body": int(track.found.sum()),
            "coverage": round(track.coverage, 4),
            "cuts": len(track.cuts),
            "model": track.model,
        },
    )
