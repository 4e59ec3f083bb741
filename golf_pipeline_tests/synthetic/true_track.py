"""The landmark track that a perfect pose model would give of a rendered clip."""

import numpy as np

from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack
from golf_pipeline.synthetic.truth import Truth


def true_track(truth: Truth) -> LandmarkTrack:
    """Landmarks on the true joints, all in plain sight; depth and world coordinates are zero."""
    xyz = np.zeros((truth.frame_count, len(INDEX), 3), np.float32)
    for joint, place in truth.joints.items():
        if joint in INDEX:
            xyz[:, INDEX[joint], :2] = np.array(place.pixels) / (truth.width, truth.height)
    count = np.arange(truth.frame_count)
    seen = np.ones(xyz.shape[:2], np.float32)
    return LandmarkTrack(count, count / truth.fps, xyz, seen, np.zeros_like(xyz), truth.width, truth.height)
