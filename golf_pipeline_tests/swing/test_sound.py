"""The impact sound in made sound tracks whose strike is known, and in a phone's own."""

from pathlib import Path

import numpy as np
import pytest

from golf_pipeline.swing.documents import TimeBase, VideoFacts, View
from golf_pipeline.swing.sound import listen_for_impact, onsets
from golf_pipeline.swing.video import AudioTrack
from golf_pipeline_tests.swing.posed import FRAMES, segmentation

RATE = 44_100
IMPACT_S = FRAMES["impact"] / 30  # type: ignore[index]


def track(strikes: dict[float, float], hiss: float = 0.003, seconds: float = 3.0, start_s: float = 0.0) -> AudioTrack:
    """Hiss with clicks of 3 ms at the given times (on the frames' clock) and loudnesses."""
    noise = np.random.default_rng(1)
    samples = noise.normal(0, hiss, int(seconds * RATE))
    for at, loudness in strikes.items():
        first = int((at - start_s) * RATE)
        click = noise.normal(0, loudness, int(0.003 * RATE))
        samples[first : first + len(click)] += click
    return AudioTrack(samples.astype(np.float32), RATE, start_s)


@pytest.fixture
def facts() -> VideoFacts:
    return VideoFacts(
        container="mov",
        codec="hevc",
        width=720,
        height=1280,
        rotation_deg=0,
        frame_count=90,
        duration_s=3.0,
        fps=30.0,
        variable_frame_rate=False,
        has_audio=True,
        size_bytes=1,
        sha256="0" * 64,
    )


def heard(
    monkeypatch: pytest.MonkeyPatch, facts: VideoFacts, audio: AudioTrack | None, **capture: object
) -> tuple[str, float | None]:
    monkeypatch.setattr("golf_pipeline.swing.sound.read_audio", lambda _: audio)
    sound = listen_for_impact(Path("x.mov"), facts, segmentation(View.FACE_ON, **capture))  # type: ignore[arg-type]
    assert sound.reason or sound.status == "heard"
    return sound.status, sound.offset_s


@pytest.mark.parametrize("delay", [-0.1, 0.0, 0.035, 0.21])
@pytest.mark.parametrize("start_s", [0.0, 0.4])
def test_a_strike_near_the_visual_impact_is_heard_with_its_offset(
    monkeypatch: pytest.MonkeyPatch, facts: VideoFacts, delay: float, start_s: float
) -> None:
    status, offset = heard(monkeypatch, facts, track({IMPACT_S + delay: 0.5}, start_s=start_s))
    assert status == "heard"
    assert offset == pytest.approx(delay, abs=0.006)


def test_silence_hiss_and_a_strike_elsewhere_are_not_heard_as_impact(
    monkeypatch: pytest.MonkeyPatch, facts: VideoFacts
) -> None:
    assert heard(monkeypatch, facts, None)[0] == "no audio"
    assert heard(monkeypatch, facts, track({}, hiss=0.0))[0] == "no audio"
    assert heard(monkeypatch, facts, track({}))[0] == "not heard"
    assert heard(monkeypatch, facts, track({IMPACT_S - 1.0: 0.5}))[0] == "not heard"


def test_two_strikes_of_the_same_loudness_are_not_told_apart(
    monkeypatch: pytest.MonkeyPatch, facts: VideoFacts
) -> None:
    assert heard(monkeypatch, facts, track({IMPACT_S - 0.15: 0.5, IMPACT_S + 0.1: 0.5}))[0] == "not heard"


def test_the_sound_of_slow_motion_is_not_used(monkeypatch: pytest.MonkeyPatch, facts: VideoFacts) -> None:
    audio = track({IMPACT_S: 0.5})
    assert heard(monkeypatch, facts, audio, time_base=TimeBase.SLOW_MOTION)[0] == "not usable"


def test_a_slow_swell_of_any_loudness_is_no_onset() -> None:
    seconds = np.arange(3 * RATE) / RATE
    swell = (np.sin(2 * np.pi * 80 * seconds) * np.clip(seconds, 0, 1)).astype(np.float32)
    _, rises = onsets(AudioTrack(swell, RATE, 0.0))
    assert rises[100:-100].max() < 8


@pytest.mark.parametrize(("delay", "confirms"), [(-0.1, False), (0.0, True), (0.035, True), (0.21, False)])
def test_a_sound_that_is_shifted_against_the_picture_confirms_nothing(
    monkeypatch: pytest.MonkeyPatch, facts: VideoFacts, delay: float, confirms: bool
) -> None:
    monkeypatch.setattr("golf_pipeline.swing.sound.read_audio", lambda _: track({IMPACT_S + delay: 0.5}))
    sound = listen_for_impact(Path("x.mov"), facts, segmentation(View.FACE_ON))
    assert (sound.reason == "") == confirms


@pytest.mark.parametrize(
    ("name", "impact_frame", "sound_s"),
    [("phone_hevc_rotated_1", 72, 2.42), ("phone_hevc_rotated_2", 49, 1.681), ("range_dtl_1", 131, 4.595)],
)
def test_the_strike_of_real_videos_is_heard_where_it_was_labelled(
    shared_data: Path, facts: VideoFacts, name: str, impact_frame: int, sound_s: float
) -> None:
    (path,) = (shared_data / "videos").glob(f"{name}.*")
    seen = segmentation(View.DOWN_THE_LINE)
    shift = impact_frame - FRAMES["impact"]  # type: ignore[index]
    events = tuple(
        one.model_copy(
            update={
                "frame": one.frame + shift,
                "exact_frame": one.exact_frame + shift,
                "time_s": (one.frame + shift) / 30,
            }
        )
        for one in seen.events
    )
    sound = listen_for_impact(path, facts, seen.model_copy(update={"events": events}))
    assert sound.status == "heard"
    assert sound.time_s == pytest.approx(sound_s, abs=0.01)


def test_a_sound_shorter_than_one_reading_has_no_onset() -> None:
    times, rises = onsets(AudioTrack(np.ones(5, np.float32), RATE, 0.0))
    assert (len(times), len(rises)) == (0, 0)
