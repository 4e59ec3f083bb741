"""The last asset: the one document that clients read."""

from golf_pipeline.orchestration.assembly import whole_analysis
from golf_pipeline.orchestration.assets.report import CONTACT_SHEET
from golf_pipeline.orchestration.documents import Coaching
from golf_pipeline.orchestration.swing_assets import Made, swing_asset
from golf_pipeline.orchestration.told import tell_golfer
from golf_pipeline.orchestration.workspace import Swing
from golf_pipeline.storage.result import RESULT_SCHEMA_VERSION, RESULT_STAGE, build_result


@swing_asset(
    stage=RESULT_STAGE,
    version=RESULT_SCHEMA_VERSION,
    deps=["overlay_video", "swing_report"],
    kinds={"json"},
)
def analysis_result(swing: Swing) -> Made:
    """`result.json`: everything the API serves about the swing, with links to the files; then the golfer is told."""
    analysis = whole_analysis(swing)
    stages = swing.workspace.catalog.stages(swing.record.analysis_id)
    report_key = stages["report"].key
    artifacts = {
        "report": report_key,
        "contact-sheet": report_key.rpartition("/")[0] + f"/{CONTACT_SHEET}",
        "overlay": stages["overlay"].key,
        "keypoints": stages["pose"].key,
        "analysis": swing.put_document("analysis", RESULT_SCHEMA_VERSION, "analysis.json", analysis),
    }
    versions = {stage: output.version for stage, output in stages.items()}
    coaching = swing.document(Coaching, "coaching").ai_analysis
    result = build_result(swing.record, analysis, coaching, artifacts, versions)
    key = swing.put_document(RESULT_STAGE, RESULT_SCHEMA_VERSION, "result.json", result)

    def end() -> None:
        swing.complete("Your swing analysis is ready.")
        tell_golfer(swing, coaching)

    return Made(
        key,
        {"key_frames": len(analysis.key_frames), "metrics": len(analysis.metrics)},
        then=end,
    )
