"""Where the time of one swing went: from the client's clock, the API's times and the steps of its Dagster run.

All of them are times of one machine's clock, so they can be subtracted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from golf_pipeline.local.probes import graphql

OVERHEAD_LIMIT_S = 12.0
"""What the pipeline may add to the bare analysis of the same clip on the same machine. Source: the project's brief."""

RUNS_OF_PARTITION = """query($key: String!) {
  runsOrError(filter: {tags: [{key: "dagster/partition", value: $key}]}, limit: 5) {
    ... on Runs { results { runId status jobName creationTime startTime endTime
      stepStats { stepKey status startTime endTime } } } } }"""


@dataclass(frozen=True)
class Step:
    """One step of the run; Unix seconds."""

    name: str
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass(frozen=True)
class SwingRun:
    """The Dagster run that analysed a swing; Unix seconds."""

    run_id: str
    created: float
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Part:
    """A row of the table: what took how long. Parts in a row follow each other without gap or overlap."""

    name: str
    seconds: float
    detail: str = ""


def read_run(dagster_port: int, partition_key: str) -> SwingRun | None:
    """Return the newest run of a partition that has run a step; None if there is none.

    Raises:
        OSError, ValueError: the webserver does not answer the question.
    """
    answer = graphql(dagster_port, RUNS_OF_PARTITION, {"key": partition_key})
    runs: list[dict[str, Any]] = answer["runsOrError"].get("results", [])
    for run in runs:
        steps = tuple(
            sorted(
                (
                    Step(stats["stepKey"], stats["startTime"], stats["endTime"])
                    for stats in run["stepStats"]
                    if stats["startTime"] and stats["endTime"]
                ),
                key=lambda step: step.began,
            )
        )
        if steps:
            return SwingRun(run["runId"], run["creationTime"], steps)
    return None


def split_time(put_began: float, put_ended: float, run: SwingRun, completed: float) -> tuple[Part, ...]:
    """Cut the time from the first byte sent to AI_COMPLETED into consecutive parts.

    A step that ends after the completion (the golfer's profile) counts up to it: the golfer does not wait for it.
    """
    parts = [
        Part("upload", put_ended - put_began, "presigned PUT"),
        Part("queue", run.created - put_ended, "S3 event, ingest sensor, dispatch sensor"),
        Part("launch", run.steps[0].began - run.created, "run coordinator, new process"),
    ]
    at = run.steps[0].began
    waited = 0.0
    for step in run.steps:
        if step.began >= completed:
            break
        waited += max(0.0, step.began - at)
        began, ended = max(at, step.began), min(step.ended, completed)
        parts.append(Part(step.name, max(0.0, ended - began)))
        at = max(at, ended)
    parts.append(Part("between steps", waited + max(0.0, completed - at), "Dagster's events, the catalog"))
    return tuple(parts)


def total_seconds(parts: Sequence[Part]) -> float:
    return sum(part.seconds for part in parts)
