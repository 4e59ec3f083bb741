"""Key frames as a model sees them: small, at low detail, and no more of them than the tokens hold."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from golf_pipeline.swing.documents import KeyFrame

SHORT_SIDE_PX, LONG_SIDE_PX = 256, 448
"""8 x 14 patches of 32 pixels: 112 patches, times 1.62 on the smaller patch models 182 tokens; one tile, 85 tokens, on
tile models (OpenAI's vision guide). The golfer stands upright in them, 448 pixels high."""

JPEG_QUALITY = 80

NOTE_TOKENS = 90
"""What a frame adds besides its picture: its name, one sentence in the answer, and that sentence in the next call."""

CALL_TOKENS = 350
"""What a call adds: the instructions and the schema."""


@dataclass(frozen=True)
class Picture:
    frame: KeyFrame
    jpeg: bytes

    @property
    def data_url(self) -> str:
        return f"data:image/jpeg;base64,{base64.b64encode(self.jpeg).decode()}"


def small_picture(frame: KeyFrame, path: Path) -> Picture:
    """A stored key frame, scaled down.

    Raises:
        ValueError: the file is no picture.
    """
    import cv2

    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path.name} is no picture")
    height, width = image.shape[:2]
    scale = min(SHORT_SIDE_PX / min(height, width), LONG_SIDE_PX / max(height, width), 1.0)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return Picture(frame, encoded.tobytes())


def image_tokens(count: int, tokens_per_image: int, frames_per_call: int) -> int:
    """Tokens of so many key frames with the calls that carry them."""
    calls = -(-count // frames_per_call)
    return count * (tokens_per_image + NOTE_TOKENS) + calls * CALL_TOKENS


def that_fit(
    pictures: Sequence[Picture], tokens_per_image: int, frames_per_call: int, most_tokens: int
) -> tuple[Picture, ...]:
    """As many pictures as the tokens hold, in the order of the swing: the eight events first, then those between."""
    by_worth = sorted(pictures, key=lambda one: one.frame.event is None)
    count = len(by_worth)
    while count and image_tokens(count, tokens_per_image, frames_per_call) > most_tokens:
        count -= 1
    return tuple(sorted(by_worth[:count], key=lambda one: one.frame.frame_number))
