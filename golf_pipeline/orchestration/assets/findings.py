"""What the numbers say is wrong, and what could not be judged."""

from collections import Counter

from golf_pipeline.orchestration.documents import Metrics
from golf_pipeline.orchestration.stages import Made, swing_stage
from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.swing.documents import Severity, SwingSegmentation
from golf_pipeline.swing.faults import ALGORITHM_VERSION, find_faults


@swing_stage(
    stage="findings",
    version=ALGORITHM_VERSION,
    inputs=("metrics", "events"),
    deps=("swing_metrics",),
    group="measure",
    kinds={"python", "json"},
)
def swing_findings(swing: Swing) -> Made:
    """Findings with severity, evidence (metric, value, frame), likely causes and ball flight."""
    found = find_faults(swing.document(Metrics, "metrics").metrics, swing.document(SwingSegmentation, "events"))
    severities = Counter(finding.severity for finding in found.findings)
    return Made(
        swing.put_document("swing_findings.json", found),
        {
            "overall_level": found.overall_level,
            "findings": len(found.findings),
            **{severity.value: severities.get(severity, 0) for severity in Severity},
            "faults": ", ".join(finding.fault_id for finding in found.findings) or "none",
            "positives": len(found.positives),
            "not_judged": len(found.not_judged),
        },
    )
