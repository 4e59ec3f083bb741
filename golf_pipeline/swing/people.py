"""Which of several people is the golfer: the one who swings.

Belongs here: what a track shows of a swing, and who else was seen beside the one who was followed. Whoever stands
largest and nearest to the middle is followed first (`landmarker.choose_golfer`); only where he shows no complete swing
are the others looked for and followed, one after the other (`pose.py`). So a video whose first choice swings costs
nothing more.
"""

from collections.abc import Iterable
from enum import IntEnum

from golf_pipeline.swing.candidates import LEAST_BY_EACH, Flaw, find_candidates
from golf_pipeline.swing.landmarker import MOST_BODIES, MOST_HIP_STEP, Body, apart, prominence
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.signals import hand_height, split_scenes

_CUT_SHORT = (Flaw.NO_BACKSWING, Flaw.CUT_BEFORE_IMPACT, Flaw.CUT_AT_IMPACT)


class Shown(IntEnum):
    """How much of a swing somebody shows, the more the higher."""

    NOTHING = 0
    """The hands never fall as in a downswing, or not both: standing, walking, a gesture."""
    PART = 1
    """A swing that the recording or a cut ends too early, or that it joins too late."""
    COMPLETE = 2


def shown_swing(track: LandmarkTrack) -> Shown:
    """The most that a track shows of a swing in any of its scenes."""
    flaws = {
        candidate.flaw
        for number, scene in enumerate(split_scenes(track))
        for candidate in find_candidates(scene, hand_height(scene), number)
        # `find_candidates` calls a fall cut short before it asks whether both hands made it.
        if candidate.by_each >= LEAST_BY_EACH
    }
    if None in flaws:
        return Shown.COMPLETE
    return Shown.PART if flaws.intersection(_CUT_SHORT) else Shown.NOTHING


def others_seen(sightings: Iterable[list[Body]], aspect: float) -> list[Body]:
    """Each person once, as seen first, the most prominent first; at most `MOST_BODIES` less one.

    Args:
        sightings: for some pictures of a scene in order of time, the bodies beside the one who was followed there.
        aspect: width of the picture over its height.
    """
    people: list[list[Body]] = []
    for bodies in sightings:
        for body in bodies:
            known = next((seen for seen in people if apart(seen[-1], body, aspect) <= MOST_HIP_STEP), None)
            if known is None:
                people.append([body])
            else:
                known.append(body)
    people.sort(key=lambda seen: max(map(prominence, seen)), reverse=True)
    return [seen[0] for seen in people[: MOST_BODIES - 1]]
