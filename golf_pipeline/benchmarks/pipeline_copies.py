"""Copies: many uploads of the same few films. The analysis is reused, so what is left is the pipeline itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from golf_pipeline.benchmarks.pipeline_bare import BarePool, OnProgress
from golf_pipeline.benchmarks.pipeline_burst import accounted_for, put_and_wait, where_it_goes
from golf_pipeline.benchmarks.pipeline_clips import Clip, make_uploads
from golf_pipeline.benchmarks.pipeline_dagster import tick_numbers, ticks_since
from golf_pipeline.benchmarks.pipeline_numbers import Measurement, Number, at_most, told
from golf_pipeline.benchmarks.pipeline_rig import Rig

NAME = "copies"
CLIPS = 3
SWINGS_EACH = 10
"""Uploads of one golfer."""

LOOKED_AT = (0.1, 0.5, 1.0)
"""Shares of the uploads that have ended when memory is read."""

MOST_GROWTH = 1.25
"""Memory at the end against memory after a tenth: what a part keeps of a swing would have grown tenfold."""


@dataclass
class MemoryAt:
    """Memory of the parts when certain shares of the uploads had ended."""

    rig: Rig
    count: int
    readings: dict[float, dict[str, float]] = field(default_factory=dict)

    def look(self, ended: int) -> None:
        for share in LOOKED_AT:
            if share not in self.readings and ended >= share * self.count:
                self.readings[share] = self.rig.memory_mb()


def measure_copies(clips: Sequence[Clip], count: int, pool: BarePool, on_progress: OnProgress) -> Measurement:
    """Put `count` copies of the first few clips that hold a swing, by many golfers."""
    ends = pool.ends(clips, on_progress)
    chosen = [clip for clip in clips if ends[clip.name].code is None][:CLIPS]
    golfers = max(1, count // SWINGS_EACH)
    uploads = make_uploads(NAME, count, chosen, golfers, copies=True)
    with Rig() as rig:
        size_before, memory = rig.dagster_bytes(), MemoryAt(rig, count)

        def ended(stage: str, done: int, total: int) -> None:
            on_progress(stage, done, total)
            if stage.endswith("ended"):
                memory.look(done)

        ran = put_and_wait(rig, NAME, uploads, ends, ended)
        growth_kb = (rig.dagster_bytes() - size_before) / 1000 / count
        numbers: list[Number] = [
            told("from the first PUT to the last end", ran.seconds, "s"),
            told("swings a minute", 60 * count / ran.seconds),
            *tick_numbers(ticks_since(rig, ran.began)),
            *_memory(memory.readings),
            told("growth of Dagster's database a swing", growth_kb, "kB"),
            told("requests to S3 and SQS a swing", sum(ran.requests.values()) / count),
            told("cores that others on the machine took meanwhile", ran.accounts.share_of_others, "of all", 2),
            *where_it_goes(rig, ran, count),
        ]
        versions = rig.versions()
    return Measurement(
        name=f"Copies: {count:,} uploads of {len(chosen)} clips",
        ran_on={
            "uploads": f"{count:,} of {', '.join(clip.name for clip in chosen)}, {ran.megabytes:,.0f} MB, "
            f"{golfers:,} golfers",
            "stack": versions,
        },
        numbers=(*accounted_for(ran.account), *numbers),
        complaints=ran.account.complaints,
    )


def _memory(readings: Mapping[float, Mapping[str, float]]) -> list[Number]:
    numbers = []
    shares = sorted(readings)
    for part in ("dagster-daemon", "dagster-code", "dagster-webserver", "api"):
        levels = [readings[share].get(part, 0.0) for share in shares]
        at = ", ".join(f"{share:.0%}" for share in shares)
        numbers.append(told(f"memory of {part} at {at}", " ".join(f"{level:.0f}" for level in levels), "MB"))
        if len(levels) > 1 and levels[0]:
            numbers.append(at_most("  growth", levels[-1] / levels[0], MOST_GROWTH, "x", 2))
    return numbers
