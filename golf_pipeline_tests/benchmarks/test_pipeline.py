"""The benchmark of the pipeline: its uploads, accounts and sums; one slow test runs the whole command, small."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from golf_pipeline.benchmarks.patches.sitecustomize import METRICS_VERSION
from golf_pipeline.benchmarks.pipeline import FULL, REDUCED, Plan
from golf_pipeline.benchmarks.pipeline_backfills import time_taken
from golf_pipeline.benchmarks.pipeline_bare import BarePass
from golf_pipeline.benchmarks.pipeline_clips import distinct, find_clips, make_uploads
from golf_pipeline.benchmarks.pipeline_meter import cpu_at, memory_mb, read_accounts
from golf_pipeline.benchmarks.pipeline_numbers import (
    MOST_COMPLAINTS,
    Measurement,
    PipelineResult,
    at_least,
    at_most,
    exactly,
    print_tables,
    told,
)
from golf_pipeline.benchmarks.pipeline_projection import prices, project
from golf_pipeline.benchmarks.pipeline_rig import PATCHES, count_requests
from golf_pipeline.cli import app
from golf_pipeline.local.demo import SAMPLE
from golf_pipeline.swing.video import probe_video


def test_a_re_measurement_is_judged_from_a_thousand_swings_on() -> None:
    assert [time_taken(seconds, 1000).met for seconds in (60.0, 60.2)] == [True, False]
    assert time_taken(130.0, 2000).met is False
    assert time_taken(14.9, 100).met is None, "the start of two runs is most of it"


def test_a_distinct_upload_is_the_same_film_as_other_bytes(tmp_path: Path) -> None:
    film = SAMPLE.read_bytes()
    one, other = distinct(film, b"one"), distinct(film, b"other")
    assert len({film, one, other}) == 3
    path = tmp_path / "one.mp4"
    path.write_bytes(one)
    facts = {"size_bytes", "sha256"}
    assert probe_video(path).model_dump(exclude=facts) == probe_video(SAMPLE).model_dump(exclude=facts)


def test_uploads_take_clips_and_golfers_in_turn_and_none_is_like_another() -> None:
    clips = find_clips(None)
    uploads = make_uploads("burst", 3 * len(clips), clips, golfers=5)
    assert len({upload.key for upload in uploads}) == len(uploads)
    assert len({upload.body() for upload in uploads}) == len(uploads)
    assert {upload.clip for upload in uploads[: len(clips)]} == set(clips)
    assert len({upload.user_id for upload in uploads}) == 5


def test_copies_are_the_clips_own_bytes() -> None:
    clips = find_clips(None)
    uploads = make_uploads("copies", 2 * len(clips), clips, golfers=2, copies=True)
    assert [upload.body() for upload in uploads] == 2 * [clip.path.read_bytes() for clip in clips]


def test_a_folder_without_videos_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").touch()
    with pytest.raises(ValueError, match=r"holds no video \(\.mp4, \.mov, \.m4v\)"):
        find_clips(tmp_path)


def test_requests_are_counted_by_verb_and_by_what_they_ask_for() -> None:
    lines = (
        "GET\t/golf/golf-swings/ann/one.mp4\t",
        "GET\t/golf/golf-swings/ann/one/video/2/video.json\t",
        "PUT\t/golf/golf-swings/ann/one/video/2/video.json\t",
        "GET\t/golf\tlist-type=2&prefix=golf-swings%2Fann%2F",
        "HEAD\t/golf\t",
        "GET\t/golf/golf-profiles/ann/1/swings.json.gz\t",
        "POST\t/\t",
        "POST\t/123456789012/golf-uploads\t",
    )
    assert count_requests(lines, "golf") == {
        "GET upload": 1,
        "GET output": 1,
        "PUT output": 1,
        "GET list": 1,
        "HEAD bucket": 1,
        "GET profile": 1,
        "POST queue": 2,
    }


def test_cpu_between_two_samples_is_in_proportion() -> None:
    samples = [(10.0, 1.0), (12.0, 3.0), (13.0, 3.5)]
    assert [cpu_at(samples, moment) for moment in (5.0, 10.0, 11.0, 12.5, 99.0)] == [1.0, 1.0, 2.0, 3.25, 3.5]


def test_the_cpu_of_children_that_have_ended_is_in_the_accounts() -> None:
    me = {"me": os.getpid()}
    before = read_accounts(me)
    subprocess.run([sys.executable, "-c", "sum(i * i for i in range(2_000_000))"], check=True)
    spent = read_accounts(me).since(before)
    assert spent.parts["me"] > 0.05
    assert memory_mb(me)["me"] > 20


def test_a_million_costs_what_one_costs_a_million_times() -> None:
    at = prices()
    costs = project(1_000_000, 0.05, {"GET output": 5.0, "PUT output": 2.0, "GET list": 1.0, "POST queue": 3.0}, at)
    assert costs.hours == pytest.approx(13.89, abs=0.01)
    assert costs.machine_usd == pytest.approx(costs.hours * at.machine_usd_per_hour)
    each = 5 * at.s3_usd_per_1000_gets / 1000 + 3 * at.s3_usd_per_1000_puts / 1000 + 3 * at.sqs_usd_per_million / 1e6
    assert costs.requests_usd == pytest.approx(1e6 * each)


def test_two_passes_of_the_bare_analysis_add_up() -> None:
    both = BarePass(2, 10.0, 16.0) + BarePass(4, 20.0, 32.0)
    assert (both.clips, both.per_minute, both.cpu_s_each) == (6, 12.0, 8.0)


def test_each_number_stands_beside_its_target_and_what_is_missed_is_named() -> None:
    numbers = (
        exactly("lost", 0, 0),
        at_most("tick", 61.5, 60, "s"),
        at_least("share", 0.71, 0.7),
        told("swings", 1234),
    )
    complaints = tuple(f"upload {number}" for number in range(MOST_COMPLAINTS + 2))
    one = Measurement(name="Burst", ran_on={"stack": "all of it"}, numbers=numbers, complaints=complaints)
    result = PipelineResult(machine={"cores": "2"}, measurements=(one,))
    assert [number.name for number in one.missed] == ["tick"]
    assert not result.met
    console = Console(width=120, record=True, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    print_tables(result, console)
    text = console.export_text()
    for words in ("cores: 2", "stack: all of it", "61.5", "<= 60", "MISSED", "met", "1,234", "upload 0", "and 2 more"):
        assert words in text


def test_without_sizes_everything_is_measured_small() -> None:
    assert not Plan()
    assert Plan(live=True)
    assert all(getattr(REDUCED, name) <= getattr(FULL, name) for name in ("burst", "copies", "remeasure", "live"))


def test_a_deployed_version_of_the_metrics_has_other_numbers() -> None:
    code = "import golf_pipeline.swing.metrics as one; print(one.ALGORITHM_VERSION, one.measure_swing.__name__)"
    environment = {**os.environ, "PYTHONPATH": str(PATCHES), METRICS_VERSION: "999"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["999", "measured_otherwise"]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_whole_command_finds_each_upload_at_its_right_end_and_opens_no_video_to_measure_anew(
    tmp_path: Path,
) -> None:
    out = tmp_path / "numbers.json"
    sizes = ["--burst", "6", "--copies", "4", "--remeasure", "20", "--live-during-backfill"]
    done = CliRunner().invoke(app, ["benchmark", "pipeline", *sizes, "--out", str(out)])
    assert done.exit_code in {0, 1}, done.output  # how fast it is depends on the machine
    measured = json.loads(out.read_text())["measurements"]
    numbers = {(one["name"].partition(":")[0], number["name"]): number for one in measured for number in one["numbers"]}
    assert len(measured) == 5
    for load in ("Burst", "Copies"):
        for name in ("ended right", "lost", "ended wrong", "twice"):
            assert numbers[load, name]["met"], done.output
    for name in ("made anew", "failed", "videos opened (GETs of uploads)"):
        assert numbers["Re-measure", name]["met"], done.output
    assert numbers["A live upload during a backfill", "ended right"]["met"], done.output
