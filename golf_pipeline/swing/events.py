"""The swing in a track: candidates, the one analysed, its eight events, or a refusal that says why.

Belongs here: the order of the work, the documents and the words for the golfer. Signals, candidates, event positions
and the capture have their own modules.
"""

from dataclasses import dataclass

from golf_pipeline.swing.candidates import (
    SMALLEST_DESCENT,
    Candidate,
    Flaw,
    coarse_height,
    compare,
    find_candidates,
    rank,
)
from golf_pipeline.swing.capture import CaptureGiven, Moments, judge_capture
from golf_pipeline.swing.documents import CandidateSwing, Capture, EventName, SwingEvent, SwingSegmentation
from golf_pipeline.swing.errors import ErrorCode, SwingNotFound
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.placement import Placed, place_events
from golf_pipeline.swing.quality import judge_quality
from golf_pipeline.swing.signals import Floats, Scene, hand_height, last_crossing, split_scenes
from golf_pipeline.swing.timing import EventTiming, rules_timing

ALGORITHM_VERSION = "3"

__all__ = ["ALGORITHM_VERSION", "CaptureGiven", "segment_swing"]

NOTHING_GIVEN = CaptureGiven()

HOW_TO_FILM = "Film from before the takeaway until the finish is held, without a cut."

REFUSALS = {
    Flaw.CUT_AT_IMPACT: "The recording ends at impact, so the follow-through is missing.",
    Flaw.CUT_BEFORE_IMPACT: "The recording ends during the downswing, before impact.",
    Flaw.NO_BACKSWING: "The recording starts after the backswing had begun.",
    Flaw.BODY_LOST: "We lost sight of you between the top of the backswing and impact.",
    Flaw.NOT_THE_BODY: "We could not follow your hands well enough to see a swing.",
    Flaw.NO_FOLLOW_THROUGH: "We saw the hands come down, but no swing through the ball.",
    Flaw.LOWERED: "We saw the club being set down, but no swing.",
    Flaw.FINISH: "We saw a finish, but not the swing before it.",
}
"""What the golfer is told, the most telling flaw first."""


@dataclass(frozen=True)
class FoundSwing:
    """The swing that is analysed: its scene, the height of the hands in it, and the candidates it was chosen from."""

    scene: Scene
    height: Floats
    chosen: Candidate
    ranked: list[Candidate]
    candidates: list[Candidate]
    scenes: list[Scene]


def segment_swing(
    track: LandmarkTrack,
    given: CaptureGiven = NOTHING_GIVEN,
    timing: EventTiming | None = None,
    impact_frame: float | None = None,
) -> SwingSegmentation:
    """Find the swing of a track, how it was filmed and its eight events.

    Args:
        track: landmarks of one person over the video; its cuts divide it into scenes, and a swing lies in one of them.
        given: what the caller knows about view, hand and slow motion; it overrides the judgement.
        timing: statistics to weigh the rules' readings with; None: those of the package.
        impact_frame: exact frame of impact of the swing that is analysed, where something surer than the pose tells it.

    Raises:
        SwingNotFound: as `find_swing`.
    """
    found = find_swing(track)
    impact = None if impact_frame is None else found.scene.sample_of(impact_frame)
    placed = place_events(found.scene, found.height, found.chosen, timing or rules_timing(), impact)
    capture = _capture(found.scene, placed, given)
    segmentation = SwingSegmentation(
        capture=capture,
        events=_events(found.scene, placed),
        candidates=tuple(_describe(found.scenes[one.scene], one, found.ranked) for one in found.candidates),
    )
    judged = capture.model_copy(update={"issues": judge_quality(track, segmentation)})
    return segmentation.model_copy(update={"capture": judged})


def find_swing(track: LandmarkTrack) -> FoundSwing:
    """The complete swing of a track that is most likely the one meant.

    Raises:
        SwingNotFound: NO_GOLFER when no scene holds a body; NO_COMPLETE_SWING when none holds a swing from takeaway to
            follow-through, with the reason for the golfer in the message and every candidate in the detail.
    """
    scenes = split_scenes(track)
    if not scenes:
        raise SwingNotFound(
            ErrorCode.NO_GOLFER,
            "We could not see a golfer in this video. Film the whole body, head to feet, in good light.",
            detail=f"a body in {int(track.found.sum())} of {len(track)} frames",
        )
    heights = [hand_height(scene) for scene in scenes]
    candidates = [
        candidate
        for number, (scene, height) in enumerate(zip(scenes, heights, strict=True))
        for candidate in find_candidates(scene, height, number)
    ]
    ranked = rank(candidates)
    if not ranked:
        raise _refusal(scenes, heights, candidates)
    chosen = ranked[0]
    return FoundSwing(scenes[chosen.scene], heights[chosen.scene], chosen, ranked, candidates, scenes)


def _capture(scene: Scene, placed: Placed, given: CaptureGiven) -> Capture:
    names = (EventName.ADDRESS, EventName.MID_BACKSWING, EventName.TOP, EventName.IMPACT, EventName.MID_FOLLOW_THROUGH)
    return judge_capture(scene, Moments(*(round(placed[name].sample) for name in names)), given)


def _events(scene: Scene, placed: Placed) -> tuple[SwingEvent, ...]:
    events = []
    for name, place in placed.items():
        position = scene.nearest_frame(place.sample)
        events.append(
            SwingEvent(
                event=name,
                frame=int(scene.frames[position]),
                time_s=float(scene.times[position]),
                exact_frame=round(scene.exact_frame(place.sample), 2),
                confidence=place.confidence,
            )
        )
    return tuple(events)


def _describe(scene: Scene, candidate: Candidate, ranked: list[Candidate]) -> CandidateSwing:
    chosen = ranked[0]
    if candidate.flaw is not None:
        reason = f"no complete swing: {candidate.flaw.value}"
    elif candidate is not chosen:
        reason = f"complete, but the one analysed is {compare(chosen, candidate)}"
    elif len(ranked) == 1:
        reason = "the only complete swing"
    else:
        reason = f"of {len(ranked)} complete swings this one is {compare(chosen, ranked[1])}"
    return CandidateSwing(
        top_frame=int(scene.frames[scene.nearest_frame(candidate.top)]),
        impact_frame=int(scene.frames[scene.nearest_frame(candidate.impact)]),
        complete=candidate.flaw is None,
        chosen=candidate is chosen,
        reason=reason,
    )


def _refusal(scenes: list[Scene], heights: list[Floats], candidates: list[Candidate]) -> SwingNotFound:
    flaws = {candidate.flaw for candidate in candidates}
    with_falls = {candidate.scene for candidate in candidates}
    ends = [_cut_in(height) for number, height in enumerate(heights) if number not in with_falls]
    if not flaws & {Flaw.CUT_AT_IMPACT, Flaw.CUT_BEFORE_IMPACT} and any(ends):
        words = next(end for end in ends if end)
    elif flaws:
        words = next(text for flaw, text in REFUSALS.items() if flaw in flaws)
    else:
        words = "We saw a golfer, but no swing: the hands never go up and come down again."
    found = [
        f"frames {scenes[one.scene].frames[scenes[one.scene].nearest_frame(one.top)]}-"
        f"{scenes[one.scene].frames[scenes[one.scene].nearest_frame(one.impact)]}: {one.flaw}"
        for one in candidates
    ]
    moves = ", ".join(f"{float(height.max() - height.min()):.2f}" for height in heights)
    detail = "; ".join(found) or f"no fall of the hands of {SMALLEST_DESCENT} torso lengths; range by scene: {moves}"
    return SwingNotFound(ErrorCode.NO_COMPLETE_SWING, f"{words} {HOW_TO_FILM}", detail=detail)


def _cut_in(height: Floats) -> str:
    """What a scene without a fall of the hands was cut in: the backswing, the downswing, or neither ("").

    A finish that is held after a swing before the recording also goes up and stays; it stays for longer than it rose.
    """
    coarse = coarse_height(height)
    lowest = int(coarse.argmin())
    peak = lowest + int(coarse[lowest:].argmax())
    risen = float(coarse[peak] - coarse[lowest])
    rising = last_crossing(coarse, float(coarse[lowest]) + 0.2 * risen, peak, lowest)
    if risen < SMALLEST_DESCENT or len(coarse) - 1 - peak > peak - rising:
        return ""
    if coarse[-1] >= coarse[peak] - 0.1 * risen:
        return "The recording ends during the backswing, before the top."
    return REFUSALS[Flaw.CUT_BEFORE_IMPACT]
