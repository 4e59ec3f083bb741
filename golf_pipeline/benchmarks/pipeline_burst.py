"""A burst: many uploads at once. Nothing lost, nothing twice, and how much slower than the bare analysis."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from golf_pipeline.benchmarks.pipeline_audit import Account, audit
from golf_pipeline.benchmarks.pipeline_bare import BareEnd, BarePass, BarePool, OnProgress
from golf_pipeline.benchmarks.pipeline_clips import Clip, Upload, make_uploads
from golf_pipeline.benchmarks.pipeline_dagster import (
    cpu_numbers,
    run_costs,
    run_numbers,
    tick_numbers,
    ticks_since,
)
from golf_pipeline.benchmarks.pipeline_meter import Accounts
from golf_pipeline.benchmarks.pipeline_numbers import Measurement, Number, at_least, exactly, told
from golf_pipeline.benchmarks.pipeline_rig import Rig

NAME = "burst"
GOLFERS = 60
LEAST_RATIO = 0.70
"""Of the bare analysis's throughput. Source: the project's brief."""

MOST_BARE = 48
"""Clips of the mix that the bare analysis takes, half before the burst and half after it: what else the machine has to
do changes with time."""

S_A_SWING = 120.0
"""Longest that one swing may take on average, before the benchmark gives up."""


@dataclass(frozen=True)
class Ran:
    """What a load of uploads took: seconds from the first PUT to the last end, and the accounts of that time."""

    seconds: float
    megabytes: float
    began: float
    accounts: Accounts
    requests: Counter[str]
    account: Account


def measure_burst(clips: Sequence[Clip], count: int, pool: BarePool, on_progress: OnProgress) -> Measurement:
    """Put `count` uploads at once on a stack of their own, between two halves of the bare analysis."""
    uploads = make_uploads(NAME, count, clips, GOLFERS)
    mix = [upload.clip for upload in uploads[:MOST_BARE]]
    ends = pool.ends(mix, on_progress)
    half = (len(mix) + 1) // 2
    bare = pool.timed(mix[:half], on_progress, "bare, before")
    with Rig() as rig:
        ran = put_and_wait(rig, NAME, uploads, ends, on_progress)
        numbers = [*tick_numbers(ticks_since(rig, ran.began)), *where_it_goes(rig, ran, count)]
        versions = rig.versions()
    bare += pool.timed(mix[half:], on_progress, "bare, after")
    return Measurement(
        name=f"Burst: {count} uploads at once",
        ran_on={
            "uploads": f"{count} of {len({clip.name for clip in mix})} clips, each with bytes of its own, "
            f"{ran.megabytes:.0f} MB, {min(count, GOLFERS)} golfers",
            "stack": versions,
            "bare": f"{bare.clips} of the same clips in {pool.processes} warm processes, half before, half after",
        },
        numbers=(*accounted_for(ran.account), *_rates(ran, bare, count), *numbers),
        complaints=ran.account.complaints,
    )


def put_and_wait(
    rig: Rig, name: str, uploads: Sequence[Upload], ends: dict[str, BareEnd], on_progress: OnProgress
) -> Ran:
    """Put uploads, wait for their ends, and look whether each is the right one."""
    before, mark = rig.accounts(), rig.request_mark()
    began = time.time()
    size = rig.put(uploads, lambda done: on_progress(f"{name}: put", done, len(uploads)))
    rig.wait(
        name, len(uploads), S_A_SWING * len(uploads), lambda done: on_progress(f"{name}: ended", done, len(uploads))
    )
    accounts, requests = rig.accounts().since(before), rig.requests_since(mark)
    completed = [record.completed_at for record in rig.records(name).values() if record.completed_at is not None]
    seconds = max(completed).timestamp() - began
    return Ran(seconds, size / 1e6, began, accounts, requests, audit(rig, name, uploads, ends))


def accounted_for(account: Account) -> list[Number]:
    """Each upload came to its one right end, or how many did not."""
    return [
        exactly("ended right", account.results + account.failures, account.uploads),
        told("  of them results", account.results),
        told("  of them failures, as the bare analysis refuses them", account.failures),
        exactly("lost", len(account.lost), 0),
        exactly("ended wrong", len(account.wrong), 0),
        exactly("twice", len(account.doubled), 0),
    ]


def _rates(ran: Ran, bare: BarePass, count: int) -> list[Number]:
    per_minute = 60 * count / ran.seconds
    spent = sum(ran.accounts.parts.values()) / count
    return [
        told("from the first PUT to the last end", ran.seconds, "s"),
        told("swings a minute", per_minute),
        told("swings a minute, bare", bare.per_minute),
        at_least("share of the bare throughput", per_minute / bare.per_minute, LEAST_RATIO),
        told("CPU a swing", spent, "s", 2),
        told("CPU a swing, bare", bare.cpu_s_each, "s", 2),
        told(
            "share of the bare analysis by CPU, which others on the machine do not change",
            bare.cpu_s_each / spent,
            "",
            2,
        ),
        told("requests to S3 and SQS a swing", sum(ran.requests.values()) / count),
        told("cores that others on the machine took meanwhile", ran.accounts.share_of_others, "of all", 2),
    ]


def where_it_goes(rig: Rig, ran: Ran, count: int) -> list[Number]:
    """What each part of the stack and each kind of run cost a swing."""
    return [*cpu_numbers(ran.accounts.parts, count), *run_numbers(run_costs(rig, ran.began), count)]
