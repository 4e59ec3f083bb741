"""Still pictures of a swing: which frames are worth keeping, those frames as JPEGs, and the contact sheet.

Belongs here: the choice and the pictures. The overlay video is `overlay.py`, the page that shows them `report.py`.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.swing.documents import (
    EventName,
    Handedness,
    KeyFrame,
    SwingEvent,
    SwingSegmentation,
    TimeBase,
    VideoFacts,
)
from golf_pipeline.swing.drawing import (
    INK,
    LEAD,
    LEAST_VISIBILITY,
    MUTED,
    TRAIL,
    WHITE,
    Image,
    PoseBetweenLooks,
    draw_dot,
    draw_skeleton,
    draw_text,
    fit,
    jpeg_size,
    side_colours,
    write_jpeg,
)
from golf_pipeline.swing.errors import ErrorCode, VideoRefused
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.phases import (
    ADDRESS,
    BACKSWING,
    DOWNSWING,
    EVENT_PHASES,
    EVENT_TITLES,
    FINISH,
    FOLLOW_THROUGH,
    IMPACT,
    TAKEAWAY,
    TRANSITION,
    phase_at,
)
from golf_pipeline.swing.video import read_frames

ALGORITHM_VERSION = "1"

FEWEST_KEY_FRAMES = 12
MOST_KEY_FRAMES = 16
LONG_SIDE_PX = 1280
JPEG_QUALITY = 88

MARGIN_SHARE = 0.15
"""Share of address..finish before the address and after the finish from which a frame may be taken when the swing
itself has fewer than `FEWEST_KEY_FRAMES`: the golfer is still in the set-up or holds the finish."""

ROOM_ABOVE, ROOM_BESIDE, ROOM_BELOW = 0.14, 0.16, 0.06
"""Room around the landmarks in heights of the golfer: the crown of the head, hands and club have no landmarks."""

NARROWEST_TILE, WIDEST_TILE = 1 / 2, 4 / 3  # width over height

_Choice = tuple[EventName | None, str, str]  # event, client phase name, description

_EVENT_DESCRIPTIONS = {
    EventName.ADDRESS: "Address: the set-up, just before the club starts back. Posture, balance and ball position.",
    EventName.TOE_UP: "Toe-up: the club is level with the ground on the way back. The end of the takeaway.",
    EventName.MID_BACKSWING: "Mid-backswing: the lead arm is level with the ground.",
    EventName.TOP: "Top of the backswing: the hands stop and change direction.",
    EventName.MID_DOWNSWING: "Mid-downswing: the lead arm is level with the ground again, on the way down.",
    EventName.IMPACT: "Impact: club meets ball. Compare hands, hips and head with the address.",
    EventName.MID_FOLLOW_THROUGH: "Mid-follow-through: the club is level with the ground past the ball.",
    EventName.FINISH: "Finish: the swing has come to rest. Balance and full turn.",
}


_PHASE_DESCRIPTIONS = {
    ADDRESS: "Set-up: over the ball, before the swing starts.",
    TAKEAWAY: "Takeaway: the club starts back.",
    BACKSWING: "Backswing: on the way to the top.",
    TRANSITION: "Transition: close to the top, where the swing changes direction.",
    DOWNSWING: "Downswing: on the way to the ball.",
    IMPACT: "Impact: as near to the ball as this recording shows.",
    FOLLOW_THROUGH: "Follow-through: past the ball, on the way to the finish.",
    FINISH: "Finish: holding the end of the swing.",
}


@dataclass(frozen=True)
class _Between:
    """A frame worth seeing between two events, at a share of the frames between them."""

    after: EventName
    before: EventName
    share: float
    description: str


_BETWEEN = (  # most telling first: the last ones go when there are too many
    _Between(EventName.TOP, EventName.MID_DOWNSWING, 0.5, "Early downswing: what starts down first, body or arms."),
    _Between(EventName.ADDRESS, EventName.TOE_UP, 0.5, "Mid-takeaway: the first move of hands, arms and chest."),
    _Between(
        EventName.MID_BACKSWING, EventName.TOP, 0.5, "Three-quarter backswing: the arms rise, the turn completes."
    ),
    _Between(EventName.MID_DOWNSWING, EventName.IMPACT, 0.5, "Delivery: the hands come down toward the ball."),
    _Between(EventName.MID_FOLLOW_THROUGH, EventName.FINISH, 0.33, "Late follow-through: arms and chest turn through."),
    _Between(EventName.IMPACT, EventName.MID_FOLLOW_THROUGH, 0.5, "Just after impact: the arms extend past the ball."),
    _Between(EventName.TOP, EventName.MID_DOWNSWING, 0.2, "Transition: the first move down from the top."),
    _Between(EventName.MID_DOWNSWING, EventName.IMPACT, 0.85, "Just before impact: the last of the downswing."),
    _Between(
        EventName.MID_FOLLOW_THROUGH, EventName.FINISH, 0.67, "Toward the finish: the weight arrives on the lead side."
    ),
    _Between(EventName.TOE_UP, EventName.MID_BACKSWING, 0.5, "Early backswing: the wrists set, the arms lift."),
)


def choose_key_frames(segmentation: SwingSegmentation, track: LandmarkTrack, facts: VideoFacts) -> tuple[KeyFrame, ...]:
    """Choose 12 to 16 frames that tell the swing: its eight events and telling moments between them.

    Frames are distinct, in order, and ones in which the golfer was found, so that every picture has its pose. Where two
    events fall on one frame (a swing filmed at very few frames per second) the later one is left out. A swing with
    fewer than 12 usable frames from address to finish borrows from just before and after (`MARGIN_SHARE`), and has
    fewer key frames where those do not exist either.
    """
    at = {event.event: event.frame for event in segmentation.events}
    first, last = at[EventName.ADDRESS], at[EventName.FINISH]
    known = _frames_of_the_scene(track, first)
    known = known[known < facts.frame_count]
    within = known[(known >= first) & (known <= last)]
    chosen: dict[int, _Choice] = {}
    for event in segmentation.events:
        chosen.setdefault(event.frame, (event.event, EVENT_PHASES[event.event], _EVENT_DESCRIPTIONS[event.event]))
    for between in _BETWEEN:
        start, end = at[between.after], at[between.before]
        inside = within[(within > start) & (within < end)]
        if len(inside) and len(chosen) < MOST_KEY_FRAMES:
            frame = int(inside[np.argmin(np.abs(inside - start - between.share * (end - start)))])
            chosen.setdefault(frame, (None, phase_at(segmentation, frame), between.description))
    margin = MARGIN_SHARE * (last - first)
    for pool in (within, known[(known >= first - margin) & (known <= last + margin)]):
        _fill_the_widest_gaps(chosen, [int(frame) for frame in pool], segmentation)
    times = np.interp(sorted(chosen), track.frame, track.time_s)
    return tuple(
        KeyFrame(
            phase=chosen[frame][1],
            event=chosen[frame][0],
            frame_number=frame,
            timestamp=round(float(time_s), 3),
            description=chosen[frame][2],
            file_name=f"frame_{number:03d}_Frame_at_{time_s:.2f}s.jpg",
        )
        for number, (frame, time_s) in enumerate(zip(sorted(chosen), times, strict=True), start=1)
    )


def write_key_frames(video: Path, key_frames: tuple[KeyFrame, ...], folder: Path) -> None:
    """Write each key frame as an upright JPEG (longer side at most 1280 pixels) under its `file_name` in a folder.

    Raises:
        VideoRefused: the video does not decode up to the last key frame.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = {key_frame.frame_number: key_frame.file_name for key_frame in key_frames}
    for number, image in _read_pictures(video, names):
        write_jpeg(image, folder / names[number], JPEG_QUALITY)


def write_contact_sheet(video: Path, track: LandmarkTrack, segmentation: SwingSegmentation, path: Path) -> None:
    """Write the eight events side by side as one JPEG, with the same crop around the golfer and the skeleton on each.

    Raises:
        VideoRefused: the video does not decode up to the last event.
    """
    frames = sorted({event.frame for event in segmentation.events})
    images = dict(_read_pictures(video, frames))
    poses = PoseBetweenLooks(track)
    crop = golfer_crop(track, segmentation.events)
    colours = side_colours(segmentation.capture.handedness)
    layout = _Layout.around(crop)
    sheet = np.empty((layout.height, layout.width, 3), np.uint8)
    sheet[:] = INK
    _draw_header(sheet, segmentation, layout)
    for number, event in enumerate(segmentation.events):
        image = images[event.frame]
        scale = image.shape[1] / track.width
        left, top, right, bottom = (round(edge * scale) for edge in crop)
        tile = fit(np.ascontiguousarray(image[top:bottom, left:right]), layout.tile_width, layout.tile_height)
        shown = poses.at(event.frame, event.time_s).scaled(layout.tile_width / (crop[2] - crop[0]), crop[:2])
        draw_skeleton(tile, shown, colours, thickness=2.5, opacity=0.8)
        _draw_tile(sheet, tile, event, layout.tile_at(number))
    write_jpeg(sheet, path, JPEG_QUALITY)


@dataclass(frozen=True)
class Box:
    """Part of a picture, in its pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class ContactSheet:
    """A written contact sheet: the file's bytes, its size in pixels, and the part of it that shows each event."""

    jpeg: bytes
    width: int
    height: int
    tiles: dict[EventName, Box]


def read_contact_sheet(path: Path, track: LandmarkTrack, events: Sequence[SwingEvent]) -> ContactSheet:
    """The contact sheet that `write_contact_sheet` wrote for this track and these events; it is not decoded.

    Raises:
        OSError: the file is no picture, or not the contact sheet of this swing.
    """
    jpeg = path.read_bytes()
    size = jpeg_size(jpeg)
    layout = _Layout.around(golfer_crop(track, events))
    if size != (layout.width, layout.height):
        found = f"{size[0]}x{size[1]} pixels" if size else "no picture"
        raise OSError(
            f"{path.name} is {found}, where the contact sheet of this swing has {layout.width}x{layout.height}: "
            "analyse the video again"
        )
    tiles = {event.event: layout.inside_of_tile(number) for number, event in enumerate(events)}
    return ContactSheet(jpeg, layout.width, layout.height, tiles)


def golfer_crop(track: LandmarkTrack, events: Sequence[SwingEvent]) -> tuple[float, float, float, float]:
    """One crop (left, top, right, bottom; pixels of the upright image) that holds the golfer at all eight events.

    Room is left for the club, which has no landmarks; the shape stays between 1:2 and 4:3 where the picture allows.
    """
    rows = np.isin(track.frame, [event.frame for event in events])
    points = track.pixels[rows][track.visibility[rows] >= LEAST_VISIBILITY]
    if not len(points):
        return 0.0, 0.0, float(track.width), float(track.height)
    (left, top), (right, bottom) = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    body = bottom - top
    top, bottom = top - ROOM_ABOVE * body, bottom + ROOM_BELOW * body
    middle, wide = (left + right) / 2, right - left + 2 * ROOM_BESIDE * body
    top, bottom = max(0.0, top), min(float(track.height), bottom)
    wide = min(float(track.width), max(wide, NARROWEST_TILE * (bottom - top)))
    left = min(max(0.0, middle - wide / 2), track.width - wide)
    tall = max(bottom - top, wide / WIDEST_TILE)
    top = max(0.0, min((top + bottom - tall) / 2, track.height - tall))
    return float(left), float(top), float(left + wide), float(min(top + tall, track.height))


@dataclass(frozen=True)
class _Layout:
    """Where things are on the contact sheet, in pixels: four tiles across, two rows, a caption under each tile."""

    tile_width: int
    tile_height: int

    MARGIN = 28
    HEADER = 96
    CAPTION = 74
    COLUMNS = 4

    @classmethod
    def around(cls, crop: tuple[float, float, float, float]) -> "_Layout":
        shape = (crop[2] - crop[0]) / (crop[3] - crop[1])
        width = 380 if shape >= 1 else 340
        return cls(width, round(width / shape))

    @property
    def width(self) -> int:
        return self.MARGIN + self.COLUMNS * (self.tile_width + self.MARGIN)

    @property
    def height(self) -> int:
        return self.HEADER + 2 * (self.tile_height + self.CAPTION) + self.MARGIN // 2

    def tile_at(self, number: int) -> tuple[int, int]:
        row, column = divmod(number, self.COLUMNS)
        left = self.MARGIN + column * (self.tile_width + self.MARGIN)
        return left, self.HEADER + row * (self.tile_height + self.CAPTION)

    def inside_of_tile(self, number: int) -> Box:
        """A tile without its outermost pixels, which JPEG mixes with the ground around it."""
        left, top = self.tile_at(number)
        return Box(left + 1, top + 1, self.tile_width - 2, self.tile_height - 2)


def _draw_header(sheet: Image, segmentation: SwingSegmentation, layout: _Layout) -> None:
    capture = segmentation.capture
    title = draw_text(sheet, "Swing at a glance", (layout.MARGIN, 60), 34, WHITE, 700)
    facts = [capture.view.value.capitalize()]
    if capture.handedness != Handedness.UNKNOWN:
        facts.append(f"{capture.handedness}-handed")
    if capture.time_base == TimeBase.SLOW_MOTION:
        facts.append("slow motion: times of the recording")
    draw_text(sheet, "  ·  ".join(facts), (layout.MARGIN + title + 24, 60), 22, MUTED, 400)
    if capture.handedness == Handedness.UNKNOWN:
        return
    right = float(layout.width - layout.MARGIN)
    for name, colour in (("Trail side", TRAIL), ("Lead side", LEAD)):
        width = draw_text(sheet, name, (right, 59), 20, MUTED, 400, "right")
        draw_dot(sheet, (right - width - 14, 52), colour, 6)
        right -= width + 52


def _draw_tile(sheet: Image, tile: Image, event: SwingEvent, at: tuple[int, int]) -> None:
    left, top = at
    height, width = tile.shape[:2]
    sheet[top : top + height, left : left + width] = tile
    draw_text(sheet, EVENT_TITLES[event.event], (left, top + height + 30), 24, WHITE, 600)
    draw_text(sheet, f"{event.time_s:.2f} s  ·  frame {event.frame}", (left, top + height + 55), 18, MUTED, 400)


def _read_pictures(video: Path, numbers: Collection[int]) -> Iterator[tuple[int, Image]]:
    missing = set(numbers)
    for frame in read_frames(video, max_side_px=LONG_SIDE_PX, numbers=missing.copy()):
        missing.discard(frame.number)
        yield frame.number, frame.image
    if missing:
        raise VideoRefused(
            ErrorCode.VIDEO_TRUNCATED,
            "Part of the video cannot be read. Please upload it again.",
            detail=f"frames {sorted(missing)} do not decode",
        )


def _frames_of_the_scene(track: LandmarkTrack, frame: int) -> NDArray[np.int64]:
    """The frames in which the golfer was found, between the cuts around a frame."""
    start = max((cut for cut in track.cuts if cut <= frame), default=0)
    stop = min((cut for cut in track.cuts if cut > frame), default=np.iinfo(np.int64).max)
    return track.frame[track.found & (track.frame >= start) & (track.frame < stop)]


def _fill_the_widest_gaps(chosen: dict[int, _Choice], pool: list[int], segmentation: SwingSegmentation) -> None:
    """Add frames of the pool, each as far as possible from those already chosen, until there are enough."""
    while len(chosen) < FEWEST_KEY_FRAMES:
        free = [frame for frame in pool if frame not in chosen]
        if not free:
            return
        best = max(free, key=lambda frame: min(abs(frame - other) for other in chosen))
        phase = phase_at(segmentation, best)
        chosen[best] = (None, phase, _PHASE_DESCRIPTIONS[phase])
