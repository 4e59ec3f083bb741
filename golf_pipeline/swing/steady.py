"""How the camera has moved: what stands still in the scene is tracked, the golfer left out.

Small movements of a phone in the hand are undone with it; what moves more than that is refused. The ground at the
golfer's feet alone is too even to tell, so the whole picture is tracked.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Grey = NDArray[np.uint8]
Box = tuple[int, int, int, int]

MOST_FEATURES, LEAST_FEATURES = 200, 20
"""Corners to track; with fewer the picture is too plain, and those of the club would outvote the scene's."""

LEAST_INLIERS = 0.4
"""Share of the tracked corners that must move as one for the camera's way to be known."""

FOUND_WITHIN_PX = 1.0
LEAST_SHIFT_PX = 0.3
MOST_UNREST = 4.0
"""Grey levels (median of pixels) by which pictures too plain to track differ while the camera stands."""


class CameraMovesError(Exception):
    """The camera moves too far, or in a way that cannot be told."""


class SteadyCamera:
    """The way of the camera since the first picture it is shown."""

    def __init__(self, box: Box, body: Box, most_shift: float) -> None:
        """Track everything but `body`; refuse to move `box` by more than `most_shift` (pixels; x0, y0, x1, y1)."""
        self._box, self._body, self._most_shift = box, body, most_shift
        self._first: Grey | None = None
        self._corners = np.zeros((0, 1, 2), np.float32)

    def way(self, grey: Grey) -> Floats:
        """(3, 3) affine matrix from places in the first picture to those in this one; the identity if it stands still.

        Raises:
            CameraMovesError: further than allowed, or not to be told.
        """
        import cv2

        if self._first is None:
            self._start(grey)
            return np.eye(3)
        places, found = self._track(self._first, grey)
        if len(places) < LEAST_FEATURES:
            if float(np.median(cv2.absdiff(grey, self._first))) > MOST_UNREST:
                raise CameraMovesError
            return np.eye(3)
        affine, inliers = cv2.estimateAffinePartial2D(places, found, ransacReprojThreshold=FOUND_WITHIN_PX)
        if affine is None or inliers.sum() < LEAST_INLIERS * len(places):
            raise CameraMovesError
        x0, y0, x1, y1 = self._box
        ends = np.array([(x, y, 1) for x in (x0, x1) for y in (y0, y1)])
        shift = float(np.linalg.norm(ends @ affine.T - ends[:, :2], axis=1).max())
        if shift > self._most_shift:
            raise CameraMovesError
        return np.vstack([affine, (0, 0, 1)]) if shift > LEAST_SHIFT_PX else np.eye(3)

    def _start(self, grey: Grey) -> None:
        import cv2

        mask = np.full(grey.shape, 255, np.uint8)
        left, top, right, bottom = self._body
        mask[top:bottom, left:right] = 0
        apart = max(grey.shape) / 100
        corners = cv2.goodFeaturesToTrack(grey, MOST_FEATURES, 0.01, apart, mask=mask)
        self._first = grey
        if corners is not None:
            self._corners = np.asarray(corners, dtype=np.float32)

    def _track(self, first: Grey, grey: Grey) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(m, 1, 2) corners of the first picture that are found again, and where they are in this one."""
        import cv2

        if not len(self._corners):
            return self._corners, self._corners
        # The stub wants an array to write to; OpenCV makes one.
        found, status, _ = cv2.calcOpticalFlowPyrLK(first, grey, self._corners, None)  # type: ignore[call-overload]
        kept = status[:, 0] == 1
        return self._corners[kept], found[kept]
