"""`swing_asset`: makes a Dagster asset out of a stage, and brings a run's swings through it.

What happens to one swing is in `stages.py`; here is what a run adds: one swing failing alone, materialisation events,
checks, retries, and how a run ends.

**One bad swing fails alone.** When an asset returns an output, Dagster logs a materialisation for every partition of
the run's range (`execute_step._get_output_asset_events` loops over all of them), the failed ones included. So no asset
here returns one. Each tells of a materialisation for every swing that succeeded, within a second, and then says only
that its step's output is there: a bare STEP_OUTPUT event. That event is what makes the next step run
(`ActiveExecution` skips a step whose input was not produced), and it logs no materialisation. `output_required=False`
tells Dagster that a step may end without an output of the usual kind. The next steps leave out the swings that the
run's workspace lists as lost, so a failed swing has no event in the failing asset nor in any later one, and Dagster
shows it as failed there because the run had planned it.

**How a run ends.** A step that has lost every swing fails at once, with the reason, and what is downstream does not
run: so a single swing's failure is a failed step. A step that has lost some goes on; the last asset of the run does its
work for the good ones and then fails with the list of the others. Both failures carry `allow_retries=False`.

**Retries.** Only `SwingError.retryable` decides. The swings that can be retried are, a few times with backoff, in the
same step; those that are done are not done twice. An exception that is no SwingError is our bug or the machine's
trouble: a full disk or a lost database is worth a retry, a TypeError is not.
"""

import random
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.events import DagsterEvent, DagsterEventBatchMetadata
from dagster._core.execution.plan.objects import TypeCheckData
from dagster._core.execution.plan.outputs import StepOutputData, StepOutputHandle

from golf_pipeline.orchestration.partitions import swings
from golf_pipeline.orchestration.resources import SwingStore
from golf_pipeline.orchestration.stages import Outcome, Stage, SwingCheck, Verdict, bring_through
from golf_pipeline.orchestration.swing import SupersededError, Swing
from golf_pipeline.orchestration.workspace import Workspace
from golf_pipeline.storage.links import sign_link
from golf_pipeline.swing.errors import ErrorCode, SwingError

OWNERS = ["team:golf-pipeline"]
MAX_RETRIES = 3
FIRST_RETRY_AFTER_S = 2.0
SWINGS_PER_BACKFILL_RUN = 10
"""Swings in one run of a backfill started in the UI; each keeps its video on disk until the run ends."""

TOLD_EVERY_S = 1.0
"""Swings that come through a stage in less than that are shown in the UI together."""

FORCE_TAG = "golf/force"
"""A run with this tag computes every stage that it was asked for, also where nothing has changed."""


def swing_asset(stage: Stage) -> dg.AssetsDefinition:
    """The asset of a stage: its name and description are those of the function that computes it."""

    def run_step(context: dg.AssetExecutionContext, swing_store: SwingStore) -> Iterator[Any]:
        yield from _run_step(context, swing_store.workspace, stage)

    with warnings.catch_warnings():
        # A range can only run in one run with a BackfillPolicy, whose API is still marked as beta.
        warnings.filterwarnings("ignore", message=".*`backfill_policy`.*", category=dg.BetaWarning)
        return dg.asset(
            name=stage.asset,
            description=stage.description,
            deps=list(stage.deps),
            partitions_def=swings,
            group_name=stage.group,
            owners=OWNERS,
            kinds=set(stage.kinds),
            pool=stage.pool,
            code_version=stage.version,
            output_required=False,
            backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=SWINGS_PER_BACKFILL_RUN),
            check_specs=[
                dg.AssetCheckSpec(check.name, asset=stage.asset, description=check.description)
                for check in stage.checks
            ],
        )(run_step)


def _run_step(context: dg.AssetExecutionContext, workspace: Workspace, stage: Stage) -> Iterator[Any]:
    keys = list(context.partition_keys)
    force = FORCE_TAG in context.run.tags
    waiting: dict[str, SwingError] = {}
    made: list[dg.AssetMaterialization] = []
    told_at = time.monotonic()
    workspace.hold(keys)
    for key in keys:
        if key in workspace.lost or (stage.asset, key) in workspace.done:
            continue
        try:
            outcome = bring_through(workspace.swing(key), stage, force=force)
        except SupersededError as superseded:
            context.log.info(str(superseded))
            workspace.leave(key, SwingError(ErrorCode.INTERNAL, "A newer upload took over.", detail=str(superseded)))
        except Exception as cause:
            error = as_swing_error(cause)
            if not isinstance(cause, SwingError):
                context.log.exception(f"{stage.asset} of {key}: {cause!r}")
            if error.retryable and context.retry_number < MAX_RETRIES:
                waiting[key] = error
            else:
                context.log.warning(f"{key} failed in {stage.asset}: {error}")
                _lose(context, workspace, key, error)
                yield _failure_seen(workspace, stage, key, error)
        else:
            workspace.done.add((stage.asset, key))
            made.append(materialisation(workspace.swing(key), stage, outcome))
            if time.monotonic() - told_at >= TOLD_EVERY_S:
                yield from materialisation_events(context, made)
                made, told_at = [], time.monotonic()
    yield from materialisation_events(context, made)
    if waiting:
        raise _retry(context, waiting)
    lost = {key: workspace.lost[key] for key in keys if key in workspace.lost}
    if len(lost) == len(keys):
        raise _failure(lost)
    yield from _check_results(workspace, stage, [key for key in keys if key not in lost])
    yield output_is_there(context)
    if lost and _is_last(context):
        raise _failure(lost)


def materialisation_events(
    context: dg.OpExecutionContext | dg.AssetExecutionContext, made: Sequence[dg.AssetMaterialization]
) -> Iterator[DagsterEvent]:
    """The events of one asset's materialisations, which are stored together where Dagster's storage can
    (`DAGSTER_EVENT_BATCH_SIZE`): one by one they cost several transactions each."""
    step, batch = context.get_step_execution_context(), uuid.uuid4().hex
    for place, one in enumerate(made, start=1):
        yield DagsterEvent.asset_materialization(step, one, DagsterEventBatchMetadata(batch, place == len(made)))


def materialisation(swing: Swing, stage: Stage, outcome: Outcome) -> dg.AssetMaterialization:
    """What the UI shows of one swing at one stage."""
    links = {
        name: dg.MetadataValue.url(result_url(swing, part))
        for name, part in LINKS.get(stage.name, {"result": ""}).items()
    }
    return dg.AssetMaterialization(
        asset_key=stage.asset,
        partition=swing.record.partition_key,
        metadata={
            **outcome.metadata,
            **links,
            "golfer": swing.record.user_id,
            "compute_seconds": outcome.seconds,
            "how": outcome.how,
            "stored_at": f"s3://{swing.workspace.objects.bucket}/{outcome.key}",
        },
        tags={"dagster/code_version": stage.version},
    )


LINKS = {
    "key_frames": {"result": "", "contact_sheet": "contact-sheet"},
    "overlay": {"result": "", "overlay": "overlay"},
    "report": {"result": "", "report": "report"},
}
"""By stage: what its materialisation links to, as parts of the swing's result in the API."""


def result_url(swing: Swing, part: str = "") -> str:
    """Where the API shows a swing's result, or a part of it ("report", "overlay"); signed, if there is a key for links.

    Without one the reader needs a token, unless the swing is a guest's.
    """
    settings, analysis_id = swing.settings, swing.record.analysis_id
    url = f"{settings.api_url}/api/video/results/{analysis_id}" + (f"/{part}" if part else "")
    if settings.link_key is None:
        return url
    return f"{url}?link={sign_link(analysis_id, settings.link_key.get_secret_value(), settings.link_expires_s)}"


def as_swing_error(cause: Exception) -> SwingError:
    """The typed error for any exception; see the module's docstring for what is worth a retry."""
    if isinstance(cause, SwingError):
        return cause
    from sqlalchemy.exc import DBAPIError

    detail = f"{type(cause).__name__}: {cause}"
    if isinstance(cause, DBAPIError):
        return SwingError(
            ErrorCode.STORAGE_UNAVAILABLE, "Our database did not answer. Please wait.", detail=detail, retryable=True
        )
    message = "Something went wrong on our side. Your video is safe."
    return SwingError(ErrorCode.INTERNAL, message, detail=detail, retryable=isinstance(cause, OSError | MemoryError))


def _failure_seen(workspace: Workspace, stage: Stage, key: str, error: SwingError) -> dg.AssetObservation:
    """What the partition's page says of a swing that failed there."""
    known: dict[str, Any] = {"code": error.code.value, "message": error.message, "detail": error.detail}
    record = workspace.catalog.by_partition_key(key)
    if record is not None:
        url = f"{workspace.settings.api_url}/api/video/results/{record.analysis_id}"
        known |= {"attempt": record.attempt, "result": dg.MetadataValue.url(url)}
    return dg.AssetObservation(asset_key=stage.asset, partition=key, metadata=known)


def _lose(context: dg.AssetExecutionContext, workspace: Workspace, key: str, error: SwingError) -> None:
    try:
        workspace.lose(key, error)
    except Exception as cause:
        # The database is gone: the step is tried again, and so is writing the failure down.
        raise dg.RetryRequested(MAX_RETRIES, _backoff_s(context.retry_number)) from cause


def _retry(context: dg.AssetExecutionContext, waiting: Mapping[str, SwingError]) -> dg.RetryRequested:
    for key, error in waiting.items():
        context.log.warning(f"{key} is tried again: {error}")
    request = dg.RetryRequested(MAX_RETRIES, _backoff_s(context.retry_number))
    request.__cause__ = next(iter(waiting.values()))
    return request


def _backoff_s(retry_number: int) -> float:
    return float(FIRST_RETRY_AFTER_S * 2**retry_number * random.uniform(0.75, 1.25))


def _failure(lost: Mapping[str, SwingError]) -> dg.Failure:
    if len(lost) == 1:
        (error,) = lost.values()
        description = str(error)
    else:
        description = f"{len(lost)} swings failed: " + "; ".join(f"{key}: {error.code}" for key, error in lost.items())
    return dg.Failure(
        description,
        metadata={key: f"{error}" for key, error in lost.items()},
        allow_retries=False,
    )


def _check_results(workspace: Workspace, stage: Stage, keys: Sequence[str]) -> Iterator[dg.AssetCheckResult]:
    for check in stage.checks:
        verdicts = {key: _verdict(check, workspace.swing(key)) for key in keys}
        failed = [key for key, verdict in verdicts.items() if not verdict.passed]
        yield dg.AssetCheckResult(
            check_name=check.name,
            passed=not failed,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"failed for {', '.join(failed)}" if failed else None,
            metadata={key: dict(verdict.values) for key, verdict in verdicts.items()},
        )


def _verdict(check: SwingCheck, swing: Swing) -> Verdict:
    """A warning to look, also where the swing's documents cannot be read: the other swings of the run go on."""
    try:
        return check.judge(swing)
    except Exception as cause:
        return Verdict(False, {"not_judged": str(as_swing_error(cause))})


def output_is_there(context: dg.AssetExecutionContext) -> DagsterEvent:
    """What lets the next step run without a materialisation of every partition; see the module's docstring."""
    step = context.get_step_execution_context()
    (output,) = (output for output in step.step.step_outputs if output.properties.asset_key == context.asset_key)
    return DagsterEvent.step_output_event(
        step,
        StepOutputData(
            step_output_handle=StepOutputHandle(step.step.key, output.name),
            type_check_data=TypeCheckData(success=True, label=output.name),  # type: ignore[no-untyped-call]
        ),
    )


def _is_last(context: dg.AssetExecutionContext) -> bool:
    """Whether no other asset of this run is downstream."""
    layer = context.job_def.asset_layer
    return not layer.asset_graph.get(context.asset_key).child_keys & layer.executable_asset_keys
