"""Swings in any state for tests of the routes: uploaded, finished with a real result, and the documents they hold."""

from dataclasses import dataclass

from golf_pipeline.coach.coach import coach_swing
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import output_key, parse_upload_key, upload_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import AnalysisRecord, StageOutput, Status
from golf_pipeline.storage.result import RESULT_STAGE, build_result
from golf_pipeline.swing.documents import SwingAnalysis

VIDEO = b"pretend this is a video"


@dataclass(frozen=True)
class Swings:
    """Puts swings into a catalog and a store, as an upload and the pipeline would."""

    catalog: Catalog
    store: ObjectStore
    analysis: SwingAnalysis

    def uploaded(self, name: str, user: str = "ann") -> AnalysisRecord:
        """A swing that waits for its analysis."""
        key = upload_key(user, name, "mov")
        self.store.put_bytes(key, VIDEO, "video/quicktime")
        facts = self.store.head(key)
        upload = parse_upload_key(key)
        return self.catalog.register_object(self.store.bucket, upload, facts.etag, facts.size, facts.last_modified)[0]

    def finished(self, name: str, user: str = "ann", analysis: SwingAnalysis | None = None) -> AnalysisRecord:
        """A swing with its result."""
        record = self.uploaded(name, user)
        self.finish(record, analysis)
        return self.catalog.get(record.analysis_id) or record

    def finish(self, record: AnalysisRecord, analysis: SwingAnalysis | None = None) -> None:
        """Do what the pipeline does with a swing that waits."""
        analysis = analysis or self.analysis
        user, name = record.user_id, record.analysis_id
        self.catalog.mark_dispatched([name])
        documents = {"report": (b"<p>report</p>", "report.html"), "analysis": (_json(analysis), "analysis.json")}
        artifacts = {}
        for stage, (body, file_name) in documents.items():
            artifacts[stage] = output_key(user, name, stage, "1", file_name)
            self.store.put_bytes(artifacts[stage], body, "application/octet-stream")
        result = build_result(record, analysis, coach_swing(analysis), artifacts, analysis.algorithm_versions)
        self.store.put_bytes(result.analysis_results.frames[0].key, b"jpeg", "image/jpeg")
        key = output_key(user, name, RESULT_STAGE, "2.1", "result.json")
        self.store.put_bytes(key, result.model_dump_json().encode(), "application/json")
        self.catalog.record_stage(StageOutput(analysis_id=name, stage=RESULT_STAGE, version="2.1", key=key))
        for status in (Status.PROCESSING, Status.COMPLETED, Status.AI_PROCESSING, Status.AI_COMPLETED):
            self.catalog.set_status(name, status, str(status))


def _json(analysis: SwingAnalysis) -> bytes:
    return analysis.model_dump_json(indent=2).encode()
