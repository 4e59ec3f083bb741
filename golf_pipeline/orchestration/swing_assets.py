"""`@swing_asset`: makes a Dagster asset out of a function that works on one swing, and runs it over a run's swings.

The function reads, calls the core, stores and returns a `Made`; all that is the same for every stage is here: one swing
failing alone, timing, the catalog's stage record, materialisation events, checks, retries, and how a run ends.

**One bad swing fails alone.** When an asset returns an output, Dagster logs a materialisation for every partition of
the run's range (`execute_step._get_output_asset_events` loops over all of them), the failed ones included. So no asset
here returns one. Each yields an `AssetMaterialization` for every swing that succeeded, the moment it did, and then says
only that its step's output is there: a bare STEP_OUTPUT event. That event is what makes the next step run
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
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster._core.execution.plan.objects import TypeCheckData
from dagster._core.execution.plan.outputs import StepOutputData, StepOutputHandle

from golf_pipeline.orchestration.partitions import swings
from golf_pipeline.orchestration.resources import SwingStore
from golf_pipeline.orchestration.workspace import SupersededError, Swing, Workspace
from golf_pipeline.storage.links import sign_link
from golf_pipeline.swing.errors import ErrorCode, SwingError

OWNERS = ["team:golf-pipeline"]
GROUP = "swing"
MAX_RETRIES = 3
FIRST_RETRY_AFTER_S = 2.0
SWINGS_PER_BACKFILL_RUN = 10
"""Swings in one run of a backfill started in the UI; each keeps its video on disk until the run ends."""


@dataclass(frozen=True)
class Made:
    """What a stage made of one swing: the key of its main output, and what the UI shows beside it."""

    key: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    reused: bool = False
    then: Callable[[], None] | None = None
    """What to do once the catalog knows the output: a status must never promise what cannot be looked up yet."""


@dataclass(frozen=True)
class Verdict:
    """A check's answer for one swing; `values` end up in the check's metadata."""

    passed: bool
    values: Mapping[str, Any]


@dataclass(frozen=True)
class SwingCheck:
    """A check of one asset: `judge` looks at one swing whose stage has just been stored."""

    name: str
    description: str
    judge: Callable[[Swing], Verdict]


Compute = Callable[[Swing], Made]


@dataclass(frozen=True)
class _Stage:
    asset: str
    stage: str
    version: str
    compute: Compute
    checks: tuple[SwingCheck, ...]


def swing_asset(
    *,
    stage: str,
    version: str,
    deps: Sequence[str] = (),
    kinds: set[str],
    checks: Sequence[SwingCheck] = (),
) -> Callable[[Compute], dg.AssetsDefinition]:
    """Turn a function of one swing into an asset of its name, described by its docstring.

    Args:
        stage: the stage's name in output keys and in the catalog.
        version: the stage's ALGORITHM_VERSION; it is Dagster's `code_version` too.
        deps: names of the assets whose outputs it reads.
        kinds: what the UI shows on the asset.
        checks: evaluated over all swings of the run in the same step.
    """

    def decorate(compute: Compute) -> dg.AssetsDefinition:
        definition = _Stage(compute.__name__, stage, version, compute, tuple(checks))

        def run_step(context: dg.AssetExecutionContext, swing_store: SwingStore) -> Iterator[Any]:
            yield from _run_step(context, swing_store.workspace, definition)

        with warnings.catch_warnings():
            # A range can only run in one run with a BackfillPolicy, whose API is still marked as beta.
            warnings.filterwarnings("ignore", message=".*`backfill_policy`.*", category=dg.BetaWarning)
            return dg.asset(
                name=definition.asset,
                description=compute.__doc__,
                deps=list(deps),
                partitions_def=swings,
                group_name=GROUP,
                owners=OWNERS,
                kinds=kinds,
                code_version=version,
                output_required=False,
                backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=SWINGS_PER_BACKFILL_RUN),
                check_specs=[
                    dg.AssetCheckSpec(check.name, asset=definition.asset, description=check.description)
                    for check in checks
                ],
            )(run_step)

    return decorate


def _run_step(context: dg.AssetExecutionContext, workspace: Workspace, stage: _Stage) -> Iterator[Any]:
    keys = list(context.partition_keys)
    waiting: dict[str, SwingError] = {}
    for key in keys:
        if key in workspace.lost or (stage.asset, key) in workspace.done:
            continue
        try:
            event = _materialise(context, workspace, stage, key)
        except SupersededError as superseded:
            context.log.info(str(superseded))
            workspace.lose(key, SwingError(ErrorCode.INTERNAL, "A newer upload took over.", detail=str(superseded)))
        except Exception as cause:
            error = as_swing_error(cause)
            if not isinstance(cause, SwingError):
                context.log.exception(f"{stage.asset} of {key}: {cause!r}")
            if error.retryable and context.retry_number < MAX_RETRIES:
                waiting[key] = error
            else:
                context.log.warning(f"{key} failed in {stage.asset}: {error}")
                _lose(context, workspace, key, error)
        else:
            workspace.done.add((stage.asset, key))
            yield event
    if waiting:
        raise _retry(context, waiting)
    lost = {key: workspace.lost[key] for key in keys if key in workspace.lost}
    if len(lost) == len(keys):
        raise _failure(lost)
    yield from _check_results(workspace, stage, [key for key in keys if key not in lost])
    yield _output_is_there(context)
    if lost and _is_last(context):
        raise _failure(lost)


def _materialise(
    context: dg.AssetExecutionContext, workspace: Workspace, stage: _Stage, key: str
) -> dg.AssetMaterialization:
    swing = workspace.swing(key)
    swing.check_current()
    started = time.perf_counter()
    made = stage.compute(swing)
    seconds = round(time.perf_counter() - started, 3)
    facts = {name: value for name, value in made.metadata.items() if isinstance(value, str | int | float | bool)}
    swing.record_stage(
        stage.stage, stage.version, made.key, {**facts, "compute_seconds": seconds, "reused": made.reused}
    )
    if made.then is not None:
        made.then()
    return dg.AssetMaterialization(
        asset_key=context.asset_key,
        partition=key,
        metadata={
            **made.metadata,
            "compute_seconds": seconds,
            "reused": made.reused,
            "result": dg.MetadataValue.url(result_url(swing)),
            "stored_at": f"s3://{workspace.objects.bucket}/{made.key}",
        },
        tags={"dagster/code_version": stage.version},
    )


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


def _check_results(workspace: Workspace, stage: _Stage, keys: Sequence[str]) -> Iterator[dg.AssetCheckResult]:
    for check in stage.checks:
        verdicts = {key: check.judge(workspace.swing(key)) for key in keys}
        failed = [key for key, verdict in verdicts.items() if not verdict.passed]
        yield dg.AssetCheckResult(
            check_name=check.name,
            passed=not failed,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"failed for {', '.join(failed)}" if failed else None,
            metadata={key: dict(verdict.values) for key, verdict in verdicts.items()},
        )


def _output_is_there(context: dg.AssetExecutionContext) -> dg.DagsterEvent:
    step = context.get_step_execution_context()
    (output,) = (output for output in step.step.step_outputs if output.properties.asset_key == context.asset_key)
    return dg.DagsterEvent.step_output_event(
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
