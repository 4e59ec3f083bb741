"""Reading a landmark track at the events of a swing: windows, directions, lengths, and what a reading rests on.

Belongs here: how a per-frame series becomes one number at an event, which way the target and the ball are in the
picture, and what of that can be trusted. What is measured stands in `metrics.py`, its plane geometry in `geometry.py`.

**Directions in the image** (x to the right). Face-on the camera looks the golfer in the face: a right-hander's target
is on his left, which is image right, a left-hander's is image left. A camera that looks at the golfer's back sees the
body's sides exchanged and the target on the other side. Down-the-line the ball is on the side to which the hands hang
from the hips at address: that needs no hand. Lead and trail follow from the hand; nothing is called left or right.

**Reading at an event.** The median over the frames within `READING_SHARE` of the downswing to each side: it takes the
pose model's jitter out and, being symmetric, moves no steadily changing value. The frames stay within one scene.

**The feet are the ground.** Sideways ways are measured against the feet, which stand still until impact where a
hand-held or panning camera does not: on 44 tour players' swings (GolfDB) that took the range (5th-95th percentile) of
the pelvis at the top from 0.36 to 0.16 torso lengths face-on, and of its thrust at impact down-the-line from 0.23 to
0.17. Heights are measured in the picture: there the feet's own jitter cost more than it gained.
"""

from dataclasses import dataclass
from functools import cached_property
from math import isnan, nan

import numpy as np

from golf_pipeline.swing.documents import EventName, Handedness, SwingSegmentation, View
from golf_pipeline.swing.geometry import Points, Values, distance
from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack

READING_SHARE = 0.12
"""Half width of a reading as a share of the downswing: one frame of the eight of a real downswing at 30 per second."""

LEAST_SPREAD = 0.2
"""Torso lengths of shoulder line, or of the way from hips to hands, from which the picture shows the side it points to.
Down-the-line shoulder lines span 0.02-0.22, face-on 0.73-1.0 (GOLF.md, "Camera, hand, time base")."""

TRUNK_CHANGE = 1.25
"""Times the length at address that a trunk may look: 1 / cos 37, a bent trunk that stands up. Beyond, the pose is
wrong; the follow-through may stretch further and is not checked."""

CAMERA_SHIFT = 0.12
"""Torso lengths that the feet seem to sink or rise from which the camera has moved up or down. Feet on the ground read
0.02-0.10 (data/videos, eleven swings), in front of a hand-held phone 0.09-0.14."""

SEEN_FOOT = 0.5
"""Visibility from which a heel or a toe is a reference (MediaPipe's own drawing threshold)."""

_WRISTS = [INDEX["left_wrist"], INDEX["right_wrist"]]
_FEET = ("left_heel", "left_foot_index", "right_heel", "right_foot_index")

UNKNOWN_HAND = (
    "it needs to know whether the golfer plays right- or left-handed, and the clip does not show it for certain"
)
SIDES_SWAPPED = "the pose takes the golfer's left side for his right one at address"


@dataclass(frozen=True)
class NotReadableError(Exception):
    """A metric that this clip does not allow: the outcome of a reading, with its reason."""

    reason: str


class SwingReader:
    """A track seen as one swing. Readings note what they use: `visibility` and `doubt` are about that."""

    def __init__(self, track: LandmarkTrack, segmentation: SwingSegmentation) -> None:
        self.track, self.segmentation = track.levelled(segmentation.capture.roll_deg or 0.0), segmentation
        self.view = segmentation.capture.view
        self.hand = segmentation.capture.handedness
        self.sample = {event.event: int(np.abs(track.frame - event.frame).argmin()) for event in segmentation.events}
        self.half = max(1, round(READING_SHARE * (self.sample[EventName.IMPACT] - self.sample[EventName.TOP])))
        borders = np.searchsorted(track.frame, sorted(track.cuts))
        at = self.sample[EventName.TOP]
        self.scene = (int(max(borders[borders <= at], default=0)), int(min(borders[borders > at], default=len(track))))
        self._seen_means: dict[tuple[int, EventName], float] = {}
        self.start()

    def start(self) -> None:
        """Forget what earlier readings used: called before each metric."""
        self._landmarks: set[str] = set()
        self._moments: set[EventName] = set()
        self._ways: set[int] = set()
        self._uses_hands = False

    # Points

    def point(self, name: str) -> Points:
        """(n, 2) pixels of one landmark."""
        self._landmarks.add(name)
        return self.track.point(name)

    def middle(self, part: str) -> Points:
        """(n, 2) pixels between the two landmarks of a part."""
        self._landmarks.update((f"left_{part}", f"right_{part}"))
        return self.track.midpoint(part)

    def side(self, part: str, *, lead: bool) -> Points:
        """(n, 2) pixels of a part's landmark on the lead or the trail side.

        Raises:
            NotReadableError: the hand is not known, or the pose mistakes the sides.
        """
        if self.hand == Handedness.UNKNOWN:
            raise NotReadableError(UNKNOWN_HAND)
        if self.swapped:
            raise NotReadableError(SIDES_SWAPPED)
        left = lead == (self.hand == Handedness.RIGHT)
        return self.point(f"{'left' if left else 'right'}_{part}")

    def hands(self) -> Points:
        """(n, 2) pixels of the hands: both hold the club, so the better seen wrist counts more (visibility squared)."""
        self._uses_hands = True
        return self._hands

    # Moments

    def around(self, phase: EventName) -> slice:
        """Samples of a reading at an event."""
        at, (first, last) = self.sample[phase], self.scene
        return slice(max(first, at - self.half), max(first, min(last, at + self.half + 1)))

    def until_impact(self) -> slice:
        """Samples from address to impact."""
        self._moments.update((EventName.ADDRESS, EventName.TOP, EventName.IMPACT))
        return slice(self.sample[EventName.ADDRESS], self.sample[EventName.IMPACT] + 1)

    def read(self, values: Values, phase: EventName) -> float:
        """The median of a per-frame series around an event; NaN where nothing was seen."""
        self._moments.add(phase)
        return self._median(values, phase)

    def since_address(self, values: Values, phase: EventName) -> float:
        """A reading minus that at address."""
        return self.read(values, phase) - self.read(values, EventName.ADDRESS)

    def place(self, points: Points, axis: int) -> Values:
        """(n,) torso lengths along an axis of the picture: 0 to image right, from the feet; 1 down."""
        self._ways.add(axis)
        ground = self._ground if axis == 0 else 0.0
        place: Values = (points[:, axis] - ground) / self.torso
        return place

    def _median(self, values: Values, phase: EventName) -> float:
        # A handful of numbers: to call NumPy's median costs many times what sorting them does.
        seen: list[float] = sorted(value for value in values[self.around(phase)].tolist() if not isnan(value))
        if not seen:
            return nan
        return (seen[(len(seen) - 1) // 2] + seen[len(seen) // 2]) / 2

    # Lengths and directions

    @cached_property
    def torso(self) -> float:
        """Length of the line from mid-hip to mid-shoulder at address, in pixels."""
        length = self._median(self._trunk, EventName.ADDRESS)
        if not length > 0:
            raise NotReadableError("the trunk is not seen at address")
        return length

    @cached_property
    def _trunk(self) -> Values:
        return distance(self.track.midpoint("hip"), self.track.midpoint("shoulder"))

    @cached_property
    def facing(self) -> float:
        """Width of the shoulder line at address in torso lengths: + the camera sees the chest, - the back."""
        width = self._opening(EventName.ADDRESS)
        return abs(width) if self.swapped else width

    @cached_property
    def swapped(self) -> bool:
        """Whether the pose shows a back at address and a chest at impact: nobody turns so, it mistakes the sides.

        `capture.py` reads the hand by the same rule.
        """
        return self._opening(EventName.ADDRESS) <= -LEAST_SPREAD and self._opening(EventName.IMPACT) >= LEAST_SPREAD

    def _opening(self, phase: EventName) -> float:
        line = self.track.point("left_shoulder") - self.track.point("right_shoulder")
        return self._median(line[:, 0], phase) / self.torso

    @property
    def target(self) -> float:
        """+1 where the target is to image right, -1 to image left.

        Raises:
            NotReadableError: the hand is not known, or the camera looks along the shoulder line.
        """
        if self.hand == Handedness.UNKNOWN:
            raise NotReadableError(UNKNOWN_HAND)
        if self.view != View.FACE_ON and not abs(self.facing) >= LEAST_SPREAD:
            raise NotReadableError("the picture does not show on which side the target is")
        from_behind = self.facing <= -LEAST_SPREAD
        return (1.0 if self.hand == Handedness.RIGHT else -1.0) * (-1.0 if from_behind else 1.0)

    @cached_property
    def ball(self) -> float:
        """+1 where the ball is to image right, -1 to image left.

        Raises:
            NotReadableError: the hands are not seen at address, or hang straight below the hips in the picture.
        """
        reach = self._median((self._hands - self.track.midpoint("hip"))[:, 0], EventName.ADDRESS) / self.torso
        if np.isnan(reach):
            raise NotReadableError("the hands are not seen at address")
        if abs(reach) < LEAST_SPREAD / 2:
            raise NotReadableError("the picture does not show on which side the ball is")
        return float(np.sign(reach))

    # What a reading rests on

    @cached_property
    def _hands(self) -> Points:
        weight = self.track.visibility[:, _WRISTS].astype(np.float64) ** 2 + 1e-6
        hands: Points = (self.track.pixels[:, _WRISTS] * weight[:, :, None]).sum(axis=1) / weight.sum(axis=1)[:, None]
        return hands

    @cached_property
    def _feet(self) -> Points:
        """(n, 4, 2) pixels of heels and toes since address; NaN where they are not well seen."""
        ways = np.full((len(self.track), len(_FEET), 2), np.nan)
        for column, name in enumerate(_FEET):
            point, seen = self.track.point(name), self.track.visibility[:, INDEX[name]] >= SEEN_FOOT
            home = [self._median(np.where(seen, point[:, axis], np.nan), EventName.ADDRESS) for axis in (0, 1)]
            ways[seen, column] = point[seen] - home
        return ways

    @cached_property
    def _ground(self) -> Values:
        """(n,) pixels that the ground has moved to image right since address; 0 where the feet are not seen.

        The median of heels and toes: a trail heel that rises in the downswing does not move it.
        """
        return np.nan_to_num(self._feet_middle[:, 0])

    @cached_property
    def _feet_middle(self) -> Points:
        """(n, 2) pixels: the median way of the feet since address; NaN where fewer than two places are seen."""
        return _median_of(self._feet)

    def feet_shift(self, axis: int, phase: EventName) -> float:
        """Torso lengths that the feet seem to have moved in the picture since address; NaN: not seen."""
        return self._median(self._feet_middle[:, axis], phase) / self.torso

    def visibility(self) -> float:
        """Mean visibility (0..1) of the worst seen landmark of the readings since `start`, at its worst moment.

        The hands are as well seen as the better one of the wrists.
        """
        worst = 1.0
        for phase in self._moments:
            for name in self._landmarks:
                worst = min(worst, self._seen(INDEX[name], phase))
            if self._uses_hands:
                worst = min(worst, max(self._seen(wrist, phase) for wrist in _WRISTS))
        return worst

    def _seen(self, landmark: int, phase: EventName) -> float:
        """Mean visibility (0..1) of a landmark around an event; 0 where nobody was found."""
        if (landmark, phase) not in self._seen_means:
            seen = self.track.visibility[self.around(phase), landmark]
            seen = seen[~np.isnan(seen)]
            self._seen_means[landmark, phase] = float(np.add.reduce(seen) / seen.size) if seen.size else 0.0
        return self._seen_means[landmark, phase]

    def doubt(self) -> str:
        """Why the readings since `start` are doubtful; empty: nothing speaks against them."""
        if not self._landmarks:
            return ""
        if self.swapped:
            return SIDES_SWAPPED
        moments = sorted(self._moments, key=lambda one: self.sample[one])
        for phase in (one for one in moments if self.sample[one] <= self.sample[EventName.IMPACT]):
            change = self._median(self._trunk, phase) / self.torso
            if not 1 / TRUNK_CHANGE <= change <= TRUNK_CHANGE:
                return f"at {phase.replace('_', ' ')} the pose does not fit the body: the trunk changes its length"
        shifts = np.array([[self.feet_shift(axis, phase) for phase in moments] for axis in sorted(self._ways)])
        if np.isnan(shifts).any():
            return "the feet are not seen, so a moving camera cannot be told from a moving golfer"
        if 1 in self._ways and np.abs(shifts[-1]).max() > CAMERA_SHIFT:
            return "the camera or the feet moved up or down during the swing"
        return ""


def _median_of(ways: Points) -> Points:
    """(n, 2) median over the second axis of those that are seen, of at least two; NaN below."""
    seen = (~np.isnan(ways[:, :, 0])).sum(axis=1)
    rows, ordered = np.arange(len(ways)), np.sort(ways, axis=1)  # NaN last
    middle: Points = (ordered[rows, (seen - 1) // 2] + ordered[rows, seen // 2]) / 2
    middle[seen < 2] = np.nan
    return middle
