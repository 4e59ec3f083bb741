"""Drawing: dashes, panels and text on a picture, also at and past its edges; JPEG headers."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from golf_pipeline.swing.drawing import (
    INK,
    PANEL_OPACITY,
    WHITE,
    dashes,
    draw_panel,
    draw_path,
    draw_text,
    encode_jpeg,
    jpeg_size,
    text_width,
)


@given(
    arrays(np.float64, st.tuples(st.integers(0, 60), st.just(2)), elements=st.floats(-500, 500)),
    st.floats(1, 50),
    st.sets(st.integers(0, 59)),
)
def test_dashes_are_runs_of_known_points_that_do_not_overlap(
    points: np.ndarray[tuple[int, int], np.dtype[np.float64]], length: float, lost: set[int]
) -> None:
    points[[row for row in lost if row < len(points)]] = np.nan
    found = dashes(points, length)
    for dash in found:
        assert len(dash) >= 2
        assert (np.diff(dash) == 1).all()
        assert np.isfinite(points[dash]).all()
    inner = np.concatenate([dash[:-1] for dash in found]) if found else np.array([], int)
    assert len(inner) == len(set(inner.tolist()))


def test_half_of_a_long_even_line_is_dashes_of_the_asked_length() -> None:
    line = np.stack([np.arange(0.0, 1000.0), np.zeros(1000)], axis=1)
    found = dashes(line, 10)
    assert len(found) == 50
    assert {int(dash[-1] - dash[0]) for dash in found} <= {9, 10}


def test_a_panel_darkens_what_is_under_it_and_nothing_beside_it() -> None:
    image = np.full((60, 80, 3), 255, np.uint8)
    draw_panel(image, 10, 10, 70, 50)
    expected = [255 * (1 - PANEL_OPACITY) + channel * PANEL_OPACITY for channel in INK]
    assert image[30, 40].tolist() == pytest.approx(expected, abs=2)
    outside = np.ones((60, 80), bool)
    outside[10:50, 10:70] = False
    assert (image[outside] == 255).all()
    draw_panel(image, 90, 90, 200, 200)
    draw_panel(image, -20, -20, 500, 500)
    assert image[:, 40].max() < 255  # the corners are round


@pytest.mark.parametrize("at", [(-30, 10), (70, 10), (10, -20), (10, 300)])
def test_text_that_reaches_past_the_edge_is_cut_and_not_an_error(at: tuple[float, float]) -> None:
    image = np.zeros((40, 80, 3), np.uint8)
    assert draw_text(image, "Impact", at, 16, WHITE) == text_width("Impact", 16)


def test_a_path_is_broken_where_a_point_is_not_known() -> None:
    image = np.zeros((20, 100, 3), np.uint8)
    points = np.array([[5.0, 10.0], [30.0, 10.0], [np.nan, np.nan], [70.0, 10.0], [95.0, 10.0]])
    draw_path(image, points, WHITE, 2)
    assert image[10, 15].max() > 200
    assert image[10, 85].max() > 200
    assert image[10, 50].max() == 0


@pytest.mark.parametrize("size", [(1, 1), (333, 17), (17, 333), (1500, 1326)])
def test_the_size_of_a_jpeg_is_read_from_its_header(size: tuple[int, int]) -> None:
    width, height = size
    data = encode_jpeg(np.zeros((height, width, 3), np.uint8), 80)
    assert jpeg_size(data) == size
    done, progressive = cv2.imencode(".jpg", np.zeros((height, width, 3)), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    assert done
    assert jpeg_size(progressive.tobytes()) == size


def test_what_is_no_whole_jpeg_header_has_no_size() -> None:
    data = encode_jpeg(np.zeros((40, 30, 3), np.uint8), 80)
    whole = next(end for end in range(len(data)) if jpeg_size(data[:end]))
    assert all(jpeg_size(data[:end]) is None for end in range(whole))
    assert jpeg_size(b"\x89PNG\r\n\x1a\n" + data) is None
