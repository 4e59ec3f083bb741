"""The whole analysis of a swing out of the stored documents of its stages: the same document that one call makes."""

from golf_pipeline.orchestration.documents import Coaching, KeyFrames, Metrics
from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.swing.documents import Findings, ImpactSound, SwingAnalysis, SwingSegmentation, VideoFacts


def whole_analysis(swing: Swing) -> SwingAnalysis:
    """Assemble `analysis.json`; every stage up to the coaching must be stored."""
    from golf_pipeline.swing.analysis import assemble_analysis

    return assemble_analysis(
        facts=swing.document(VideoFacts, "video"),
        track=swing.track,
        segmentation=swing.document(SwingSegmentation, "events"),
        measured=swing.document(Metrics, "metrics").metrics,
        impact_sound=swing.document(ImpactSound, "sound"),
        findings=swing.document(Findings, "findings"),
        advice_report=swing.document(Coaching, "coaching").report,
        key_frames=swing.document(KeyFrames, "key_frames").key_frames,
    )
