"""The one resource: the store through which assets and sensors reach catalog, objects, queue and the run's workspace.

A typed store and no IO manager: Dagster's own IO managers refuse an output for several partitions, and pickles cannot
be read by the API.
"""

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import PrivateAttr

from golf_pipeline.orchestration import connections
from golf_pipeline.orchestration.dispatch import dispatched_attempts
from golf_pipeline.orchestration.workspace import Workspace
from golf_pipeline.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from golf_pipeline.storage.catalog import Catalog
    from golf_pipeline.storage.object_store import ObjectStore


class SwingStore(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Catalog, object store and queue by settings; in a run also its workspace, which ends with the run."""

    settings: dg.ResourceDependency[Settings]
    _workspace: Workspace | None = PrivateAttr(default=None)

    @property
    def catalog(self) -> "Catalog":
        in_a_run = self.get_resource_context().run is not None
        open_catalog = connections.catalog if in_a_run else connections.migrated_catalog
        return open_catalog(self.settings.catalog_url)

    @property
    def objects(self) -> "ObjectStore":
        return connections.objects(self.settings)

    @property
    def queue(self) -> "SQSClient":
        return connections.queue(self.settings)

    @property
    def workspace(self) -> Workspace:
        """The run's workspace; only within a run."""
        if self._workspace is None:
            run = self.get_resource_context().run
            if run is None:
                raise RuntimeError("a workspace belongs to a run")
            attempts = dispatched_attempts(run.tags)
            self._workspace = Workspace(self.settings, self.catalog, self.objects, run.run_id, attempts=attempts)
        return self._workspace

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        del context
        if self._workspace is not None:
            self._workspace.close()
