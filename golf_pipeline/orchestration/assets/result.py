"""The last stage: the one document that clients read."""

from golf_pipeline.orchestration.assembly import whole_analysis
from golf_pipeline.orchestration.assets.key_frames import CONTACT_SHEET
from golf_pipeline.orchestration.documents import Coaching
from golf_pipeline.orchestration.stages import Made, swing_stage
from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.orchestration.told import tell_golfer
from golf_pipeline.storage.result import RESULT_SCHEMA_VERSION, RESULT_STAGE, build_result

MADE_OF = (
    "video",
    "pose",
    "events",
    "key_frames",
    "metrics",
    "sound",
    "findings",
    "coaching",
    "overlay",
    "report",
)


def _whose_and_where(swing: Swing) -> tuple[object, ...]:
    """It is this swing's own, and links objects by keys, which a new version changes also where the content stays."""
    places = [(name, swing.stored(name).key, swing.stored(name).version) for name in MADE_OF]
    return swing.record.user_id, swing.record.analysis_id, places


def _end(swing: Swing) -> None:
    swing.end("Your swing analysis is ready.")
    if not swing.quiet:
        tell_golfer(swing, swing.document(Coaching, "coaching").ai_analysis)


@swing_stage(
    stage=RESULT_STAGE,
    version=RESULT_SCHEMA_VERSION,
    inputs=MADE_OF,
    follows=_whose_and_where,
    deps=("overlay_video", "swing_report"),
    group="publish",
    kinds={"json"},
    then=_end,
)
def analysis_result(swing: Swing) -> Made:
    """Everything that the API serves about the swing, in one document (result.json), with links to the files."""
    analysis = whole_analysis(swing)
    artifacts = {
        "report": swing.stored("report").key,
        "contact-sheet": swing.stored("key_frames").key_of(CONTACT_SHEET),
        "overlay": swing.stored("overlay").key,
        "keypoints": swing.stored("pose").key,
        "analysis": swing.put_bytes("analysis.json", analysis.model_dump_json(indent=2).encode()),
    }
    versions = {name: swing.stored(name).version for name in MADE_OF}
    coaching = swing.document(Coaching, "coaching").ai_analysis
    result = build_result(swing.record, analysis, coaching, artifacts, versions)
    key = swing.put_document("result.json", result)
    return Made(key, {"key_frames": len(analysis.key_frames), "metrics": len(analysis.metrics)})
