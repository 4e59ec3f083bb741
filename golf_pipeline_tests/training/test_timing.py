"""Fitting the statistics of event timing, and what they do to a reading."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from golf_pipeline.swing.documents import EventName
from golf_pipeline.swing.timing import MOST_CONFIDENCE, EventTiming, read_timing, rules_timing
from golf_pipeline.training.golfdb import read_clips
from golf_pipeline.training.timing import (
    LABELLED_IMPACT_LATE,
    fit_errors,
    fit_rules_timing,
    observe,
    prior_of_labels,
    write_timing,
)
from golf_pipeline_tests.training.clips import GOLFERS, RHYTHM, write_clips

IMPACT, TOE_UP = (list(EventName).index(name) for name in (EventName.IMPACT, EventName.TOE_UP))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def fitted(files: tuple[Path, Path]) -> EventTiming:
    return fit_rules_timing(observe(read_clips(*files)), prior_of_labels(files[1]))


def test_the_prior_is_the_labels_rhythm_with_impact_at_contact(files: tuple[Path, Path]) -> None:
    mean, covariance = prior_of_labels(files[1])
    labelled = [RHYTHM[name] - 1.0 for name in EventName]
    expected = [at + LABELLED_IMPACT_LATE * (number != IMPACT) for number, at in enumerate(labelled)]
    assert mean == pytest.approx(expected, abs=0.12)
    assert np.sqrt(np.diag(covariance)) == pytest.approx(0.15 * np.abs(mean), abs=0.11)


def test_what_is_written_is_what_is_read(fitted: EventTiming, tmp_path: Path) -> None:
    path = tmp_path / "timing.toml"
    write_timing(fitted, path, "stick golfers", [100, 101])
    read = read_timing(path)
    assert read.fitted_on == (100, 101)
    for name in ("mean", "covariance", "bias", "noise"):
        assert getattr(read, name) == pytest.approx(getattr(fitted, name), abs=1e-4)


def test_a_constant_error_of_the_rules_is_taken_out(fitted: EventTiming) -> None:
    labels = np.tile(fitted.mean, (9, 1))
    late = fit_errors(fitted, labels + 0.2, np.ones_like(labels), labels)
    assert late.bias == pytest.approx(0.2 * np.ones(8))
    position, _ = late.weigh(fitted.mean + 0.2, np.ones(8))
    assert position == pytest.approx(fitted.mean, abs=0.02)


def test_a_reading_that_fits_no_rhythm_is_pulled_toward_it_and_one_that_was_not_seen_more_so(
    fitted: EventTiming,
) -> None:
    timing = replace(fitted, noise=np.full(8, 0.1), bias=np.zeros(8))
    wrong = fitted.mean.copy()
    wrong[TOE_UP] += 1.0
    seen, _ = timing.weigh(wrong, np.ones(8))
    hidden, deviation = timing.weigh(wrong, np.where(np.arange(8) == TOE_UP, 0.1, 1.0))
    off, off_hidden = (abs(one[TOE_UP] - fitted.mean[TOE_UP]) for one in (seen, hidden))
    assert off_hidden < off < 0.7
    assert deviation[TOE_UP] > timing.weigh(fitted.mean, np.ones(8))[1][TOE_UP]


def test_confidence_grows_with_the_tolerance_falls_with_the_deviation_and_is_never_certain() -> None:
    timing = rules_timing()
    deviation, sure = np.full(8, 0.1), np.ones(8)
    narrow, wide = (timing.confidence(deviation, allowed, sure) for allowed in (0.05, 0.2))
    assert np.all(narrow < wide)
    assert np.all(timing.confidence(2 * deviation, 0.05, sure) < narrow)
    assert np.all(timing.confidence(deviation / 100, 1.0, sure) == MOST_CONFIDENCE)
    assert np.all(timing.confidence(deviation, 0.05, 0.1 * sure) < 0.2 * narrow + 1e-9)


def test_stick_golfers_are_read_within_tolerance_by_statistics_fitted_on_them(files: tuple[Path, Path]) -> None:
    seen = observe(read_clips(*files))
    assert len(seen) == len(GOLFERS)
    timing = fit_rules_timing(seen, prior_of_labels(files[1]))
    hits = [np.abs(timing.weigh(one.rules, one.sureness)[0] - one.labels) <= one.allowed for one in seen]
    assert np.mean(hits) > 0.85
