"""What a golfer opens: the self-contained HTML report, with the contact sheet beside it."""

import dagster as dg

from golf_pipeline.orchestration.assembly import whole_analysis
from golf_pipeline.orchestration.swing_assets import Made, result_url, swing_asset
from golf_pipeline.orchestration.workspace import Swing
from golf_pipeline.swing.documents import SwingSegmentation
from golf_pipeline.swing.pictures import write_contact_sheet
from golf_pipeline.swing.report import ALGORITHM_VERSION, write_html_report

CONTACT_SHEET = "contact_sheet.jpg"
REPORT = "report.html"


@swing_asset(
    stage="report",
    version=ALGORITHM_VERSION,
    deps=["coaching_report", "impact_sound"],
    kinds={"html", "jpeg"},
)
def swing_report(swing: Swing) -> Made:
    """One HTML file that needs nothing else, and the contact sheet of the eight events."""
    sheet, page = swing.folder / CONTACT_SHEET, swing.folder / REPORT
    write_contact_sheet(swing.video, swing.track, swing.document(SwingSegmentation, "events"), sheet)
    write_html_report(whole_analysis(swing), swing.track, sheet, page)
    swing.put_file("report", ALGORITHM_VERSION, sheet)
    return Made(
        swing.put_file("report", ALGORITHM_VERSION, page),
        {
            "report": dg.MetadataValue.url(result_url(swing, "report")),
            "contact_sheet": dg.MetadataValue.url(result_url(swing, "contact-sheet")),
            "kilobytes": round(page.stat().st_size / 1024, 1),
        },
    )
