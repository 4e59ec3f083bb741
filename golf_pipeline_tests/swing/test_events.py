"""The swing of stick golfers with known events, refusals, and the score on real labelled swings."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golf_pipeline.swing.documents import EventName, SwingSegmentation
from golf_pipeline.swing.errors import ErrorCode, SwingNotFound
from golf_pipeline.swing.events import segment_swing
from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack
from golf_pipeline.swing.scoring import EventFrames, pce, tolerance
from golf_pipeline.training.golfdb import read_clips
from golf_pipeline_tests.swing.stick_golfer import StickGolfer, film_arms, join, swing_angles, take

AZIMUTHS = st.sampled_from([0.0, 20.0, 50.0, 90.0])


def frames(segmentation: SwingSegmentation) -> list[int]:
    return [event.frame for event in segmentation.events]


def refusal(track: LandmarkTrack) -> SwingNotFound:
    with pytest.raises(SwingNotFound) as caught:
        segment_swing(track)
    assert caught.value.code == ErrorCode.NO_COMPLETE_SWING
    assert caught.value.detail
    assert not caught.value.retryable
    return caught.value


@settings(max_examples=25, deadline=None)
@given(azimuth=AZIMUTHS, downswing=st.floats(6, 60), noise=st.sampled_from([0.0, 0.01]))
def test_top_and_impact_are_found_at_any_speed(azimuth: float, downswing: float, noise: float) -> None:
    golfer = StickGolfer(azimuth_deg=azimuth, downswing=downswing, noise=noise)
    found = segment_swing(golfer.track())
    allowed = max(1.0, 0.08 * downswing)
    assert found.event(EventName.TOP).exact_frame == pytest.approx(golfer.top, abs=2 * allowed)
    assert found.event(EventName.IMPACT).exact_frame == pytest.approx(golfer.impact, abs=allowed)


def test_the_eight_events_come_in_order_with_a_confidence_and_the_frames_true_time() -> None:
    track = StickGolfer(fps=25).track()
    found = segment_swing(track)
    assert [event.event for event in found.events] == list(EventName)
    assert frames(found) == sorted(frames(found))
    assert len(set(frames(found))) == 8
    for event in found.events:
        assert event.time_s == pytest.approx(event.frame / 25)
        assert abs(event.exact_frame - event.frame) <= 0.5
        assert 0 < event.confidence < 1


def test_the_lead_arm_is_horizontal_at_the_mid_events() -> None:
    golfer = StickGolfer(downswing=60)
    found = segment_swing(golfer.track())
    arms, _ = swing_angles(np.arange(len(golfer.track())) / golfer.downswing - golfer.before)
    for name in (EventName.MID_BACKSWING, EventName.MID_DOWNSWING):
        assert np.rad2deg(arms[found.frame_of(name)]) == pytest.approx(85, abs=20)


def test_the_address_is_still_and_the_finish_is_held() -> None:
    golfer = StickGolfer(downswing=20)
    found = segment_swing(golfer.track())
    assert golfer.address - 10 <= found.frame_of(EventName.ADDRESS) <= golfer.address + 16
    assert found.frame_of(EventName.FINISH) >= golfer.impact + 1.5 * golfer.downswing


@settings(max_examples=20, deadline=None)
@given(
    azimuth=AZIMUTHS,
    size=st.floats(25, 250),
    shift=st.tuples(st.floats(-150, 150), st.floats(-200, 200)),
)
def test_size_and_place_in_the_picture_change_nothing(azimuth: float, size: float, shift: tuple[float, float]) -> None:
    there = StickGolfer(azimuth_deg=azimuth)
    here = StickGolfer(azimuth_deg=azimuth, size=size, centre=(360 + shift[0], 700 + shift[1]))
    assert frames(segment_swing(here.track())) == frames(segment_swing(there.track()))


@settings(max_examples=15, deadline=None)
@given(azimuth=AZIMUTHS, noise=st.sampled_from([0.0, 0.02]))
def test_a_mirrored_swing_has_the_same_events(azimuth: float, noise: float) -> None:
    track = StickGolfer(azimuth_deg=azimuth, noise=noise).track()
    assert frames(segment_swing(track.mirrored())) == frames(segment_swing(track))


@settings(max_examples=15, deadline=None)
@given(stretch=st.floats(1.5, 10))
def test_slow_motion_stretches_the_events_and_nothing_else(stretch: float) -> None:
    quick = segment_swing(StickGolfer(downswing=10).track())
    slow = segment_swing(StickGolfer(downswing=10 * stretch).track())
    for before, after in zip(quick.events, slow.events, strict=True):
        # A still address and a held finish are plateaus: anywhere on them is right.
        allowed = 12 if before.event in (EventName.ADDRESS, EventName.FINISH) else 1.5
        assert after.exact_frame / stretch == pytest.approx(before.exact_frame, abs=allowed)


@settings(max_examples=15, deadline=None)
@given(fps=st.floats(20, 240))
def test_the_clock_of_the_recording_does_not_matter(fps: float) -> None:
    assert frames(segment_swing(StickGolfer(fps=fps).track())) == frames(segment_swing(StickGolfer().track()))


def test_a_clip_cut_in_the_backswing_is_refused_with_that_reason() -> None:
    golfer = StickGolfer()
    words = refusal(take(golfer.track(), slice(0, int(golfer.top) - 4))).message
    assert "ends during the backswing" in words


def test_a_clip_cut_in_the_downswing_is_refused_with_that_reason() -> None:
    golfer = StickGolfer(downswing=12)
    words = refusal(take(golfer.track(), slice(0, int(golfer.top) + 10))).message
    assert "ends during the downswing" in words


def test_a_clip_cut_right_after_impact_is_refused_with_that_reason() -> None:
    golfer = StickGolfer(downswing=12)
    words = refusal(take(golfer.track(), slice(0, int(golfer.impact) + 2))).message
    assert "ends at impact" in words


def test_a_clip_that_starts_at_the_top_is_refused_with_that_reason() -> None:
    golfer = StickGolfer()
    words = refusal(take(golfer.track(), slice(int(golfer.top) - 3, None))).message
    assert "starts after the backswing had begun" in words


def test_a_finish_alone_is_refused() -> None:
    golfer = StickGolfer()
    assert refusal(take(golfer.track(), slice(int(golfer.impact) + 6, None))).code == ErrorCode.NO_COMPLETE_SWING


def test_a_finish_that_is_let_down_again_is_refused() -> None:
    up, _ = swing_angles(np.linspace(1.6, 5, 40))
    down = np.concatenate([up, np.linspace(up[-1], 0.2, 30), np.full(40, 0.2)])
    assert refusal(film_arms(StickGolfer(), down, 0.5 * down)).code == ErrorCode.NO_COMPLETE_SWING


def test_someone_who_stands_still_is_refused() -> None:
    still = film_arms(StickGolfer(noise=0.01), np.zeros(150), np.zeros(150))
    assert "no swing" in refusal(still).message


def test_a_wrist_that_jumps_while_the_body_stands_is_no_swing() -> None:
    track = StickGolfer(azimuth_deg=90).track()
    still = take(track, slice(0, 12))
    still = join(join(join(still, still), join(still, still)), join(still, still))
    jump = np.concatenate([np.zeros(20), np.linspace(0, 1.5, 8), np.linspace(1.5, 0, 4), np.linspace(0, 1.5, 6)])
    for name in ("right_wrist", "right_index", "right_pinky", "right_thumb"):
        still.xyz[: len(jump), INDEX[name], 1] -= (jump * 120 / 1280).astype(np.float32)
    still.visibility[:, INDEX["left_wrist"]] = 0.1
    assert "could not follow your hands" in refusal(still).message


def test_a_waggle_is_no_swing() -> None:
    waggle = StickGolfer(size_of_swing=0.25).track()
    assert "no swing" in refusal(join(waggle, waggle)).message


def test_a_cut_through_the_downswing_leaves_no_swing() -> None:
    golfer = StickGolfer()
    whole = golfer.track()
    middle = int(golfer.top + golfer.impact) // 2
    assert refusal(take(whole, slice(None), cuts=(middle,))).code == ErrorCode.NO_COMPLETE_SWING


def test_a_track_without_a_body_holds_no_golfer() -> None:
    track = StickGolfer().track()
    track.xyz[:] = np.nan
    with pytest.raises(SwingNotFound) as caught:
        segment_swing(track)
    assert caught.value.code == ErrorCode.NO_GOLFER


def test_a_waggle_before_the_swing_does_not_move_it() -> None:
    golfer = StickGolfer()
    waggle = StickGolfer(size_of_swing=0.25).track()
    assert segment_swing(join(waggle, golfer.track())).frame_of(EventName.IMPACT) == len(waggle) + golfer.impact


def test_of_a_small_practice_swing_and_a_real_one_the_real_one_is_analysed_and_both_are_kept() -> None:
    real, practice = StickGolfer(), StickGolfer(size_of_swing=0.75, downswing=12)
    track = join(practice.track(), real.track())
    found = segment_swing(track)
    first, second = (candidate for candidate in found.candidates if candidate.complete)
    assert found.frame_of(EventName.IMPACT) == len(practice.track()) + real.impact
    assert (first.chosen, second.chosen) == (False, True)
    assert "larger" in second.reason
    assert "faster" in second.reason


def test_of_two_swings_alike_the_later_one_is_analysed() -> None:
    golfer = StickGolfer()
    found = segment_swing(join(golfer.track(), golfer.track()))
    chosen = next(candidate for candidate in found.candidates if candidate.chosen)
    assert chosen.impact_frame == pytest.approx(len(golfer.track()) + golfer.impact, abs=1)
    assert "later" in chosen.reason


def test_the_club_set_down_before_a_swing_is_not_the_swing() -> None:
    golfer = StickGolfer()
    lowered = film_arms(golfer, np.concatenate([np.linspace(2.2, 0, 45), np.zeros(20)]), np.zeros(65))
    found = segment_swing(join(lowered, golfer.track()))
    assert found.frame_of(EventName.IMPACT) == len(lowered) + golfer.impact
    assert sum(candidate.complete for candidate in found.candidates) == 1


def test_lost_frames_around_impact_lower_its_confidence() -> None:
    golfer = StickGolfer(downswing=12)
    whole, gappy = golfer.track(), golfer.track()
    lost = slice(int(golfer.impact) - 1, int(golfer.impact) + 2)
    gappy.xyz[lost] = np.nan
    gappy.visibility[lost] = np.nan
    full = segment_swing(whole).event(EventName.IMPACT)
    patched = segment_swing(gappy).event(EventName.IMPACT)
    assert patched.confidence < 0.5 * full.confidence
    assert patched.exact_frame == pytest.approx(golfer.impact, abs=1.5)


def test_a_body_lost_through_the_downswing_is_refused() -> None:
    golfer = StickGolfer(downswing=12)
    track = golfer.track()
    lost = slice(int(golfer.top) + 1, int(golfer.impact) - 1)
    track.xyz[lost] = np.nan
    track.visibility[lost] = np.nan
    assert "lost sight" in refusal(track).message


def test_a_recording_without_a_finish_is_analysed_with_a_warning() -> None:
    golfer = StickGolfer()
    found = segment_swing(take(golfer.track(), slice(0, int(golfer.impact + 0.9 * golfer.downswing))))
    assert any("before the finish" in issue.text for issue in found.capture.issues)
    assert found.event(EventName.FINISH).confidence < 0.2


def test_the_tolerance_is_one_frame_for_a_real_time_swing_and_grows_with_slow_motion() -> None:
    labels: dict[EventName, float] = dict.fromkeys(EventName, 0.0)
    assert tolerance({**labels, EventName.IMPACT: 28.0}) == 1
    assert tolerance({**labels, EventName.IMPACT: 150.0}) == 5


def test_a_swing_that_was_not_found_misses_all_of_its_events() -> None:
    labels: EventFrames = {name: 10.0 * position for position, name in enumerate(EventName)}
    near: EventFrames = {name: frame + 2 for name, frame in labels.items()}
    score = pce([(labels, labels), (near, labels), (None, labels)])
    assert score.swings == 3
    assert score.pce == pytest.approx(2 / 3)
    late: EventFrames = {**labels, EventName.TOP: labels[EventName.TOP] + 3}
    assert pce([(late, labels)]).per_event[EventName.TOP] == 0
    with pytest.raises(ValueError, match="no swing"):
        pce([])


@pytest.mark.parametrize(
    ("cut", "start", "stop"),
    [
        ("before the top", None, (EventName.TOP, -0.3)),
        ("in the downswing", None, (EventName.TOP, 0.6)),
        ("at impact", None, (EventName.IMPACT, 0.0)),
        ("at the top", (EventName.TOP, 0.0), None),
        ("after impact", (EventName.IMPACT, 0.5), None),
    ],
)
def test_no_swing_is_invented_in_golfdb_clips_that_hold_part_of_one(
    shared_data: Path, cut: str, start: tuple[EventName, float] | None, stop: tuple[EventName, float] | None
) -> None:
    def frame(labels: EventFrames, border: tuple[EventName, float] | None) -> int | None:
        downswing = labels[EventName.IMPACT] - labels[EventName.TOP]
        return None if border is None else round(labels[border[0]] + border[1] * downswing)

    golfdb = shared_data / "golfdb"
    for clip in read_clips(golfdb / "landmarks.parquet", golfdb / "events.csv"):
        track, labels = clip.track, clip.labels
        message = refusal(take(track, slice(frame(labels, start), frame(labels, stop)))).message
        assert "Film from before the takeaway" in message, cut
