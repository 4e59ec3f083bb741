"""The report for people."""

from golf_pipeline.orchestration.assembly import whole_analysis
from golf_pipeline.orchestration.assets.key_frames import CONTACT_SHEET
from golf_pipeline.orchestration.stages import Made, swing_stage
from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.swing.report import ALGORITHM_VERSION, write_html_report

REPORT = "report.html"


@swing_stage(
    stage="report",
    version=ALGORITHM_VERSION,
    inputs=("video", "pose", "events", "key_frames", "metrics", "sound", "findings", "coaching"),
    deps=("coaching_report", "impact_sound"),
    group="publish",
    kinds={"html"},
)
def swing_report(swing: Swing) -> Made:
    """One HTML file that needs nothing else."""
    page = swing.folder / REPORT
    write_html_report(whole_analysis(swing), swing.track, swing.fetch("key_frames", CONTACT_SHEET), page)
    return Made(swing.put_file(page), {"kilobytes": round(page.stat().st_size / 1024, 1)})
