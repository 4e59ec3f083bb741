"""The set of clips that the analysis is measured against: every way of filming, sparsely but fairly.

`SUITE` lists them; `make_suite` renders them on all cores. What it is worth is said by `golf-pipeline benchmark
synthetic`. Names begin with what the clip is there for; `captured` clips need the motion capture's folder.
"""

import multiprocessing
import os
from functools import partial
from pathlib import Path

from golf_pipeline.synthetic.clip import Progress, render_clip
from golf_pipeline.synthetic.render import prepare_worker
from golf_pipeline.synthetic.spec import Bystander, ClipSpec

_DTL, _OBLIQUE = -90.0, -45.0

_BEHIND_LEFT = Bystander(-1.15, -1.1, facing_deg=20)
_BEHIND_RIGHT = Bystander(1.35, -1.9, facing_deg=-30, scale=0.92, shirt=(0.60, 0.55, 0.10))
_DOWN_RANGE = Bystander(2.2, -0.75, facing_deg=-60, scale=0.97, shirt=(0.10, 0.42, 0.20))
_NEAR = Bystander(1.05, 0.75, facing_deg=-100, scale=1.03, shirt=(0.45, 0.45, 0.48))

_START_S, _END_S = -0.8, 2.1


def _clip(name: str, **changes: object) -> ClipSpec:
    portrait = {"width": 256, "height": 448, "start_s": _START_S, "end_s": _END_S, "sound": False}
    return ClipSpec(name, **{**portrait, **changes})  # type: ignore[arg-type]


def _wide(name: str, **changes: object) -> ClipSpec:
    return _clip(name, **{"width": 448, "height": 256, **changes})


def _fast(name: str, **changes: object) -> ClipSpec:
    """Many frames: a smaller picture of little more than the swing."""
    return _clip(name, **{"width": 192, "height": 336, "start_s": -0.35, "end_s": 1.9, **changes})


SUITE: tuple[ClipSpec, ...] = (
    _clip("plain_face_on_right", sound=True),
    _clip("plain_face_on_left", handedness="left"),
    _clip("plain_down_the_line_right", azimuth_deg=_DTL),
    _clip("plain_down_the_line_left", azimuth_deg=-_DTL, handedness="left"),
    _clip("plain_oblique_right", azimuth_deg=_OBLIQUE),
    _clip("rate_24_down_the_line_right", azimuth_deg=_DTL, fps=24),
    _wide("rate_25_landscape_face_on_right", fps=25, sound=True),
    _clip("rate_60_face_on_left", handedness="left", fps=60),
    _fast("rate_120_down_the_line_right", azimuth_deg=_DTL, fps=120),
    _fast("rate_240_face_on_right", fps=240, start_s=-0.2, end_s=1.5),
    _fast("slow_4_face_on_right", slow_motion_factor=4.0),
    _wide("people_two_behind_face_on_right", bystanders=(_BEHIND_LEFT, _BEHIND_RIGHT)),
    _clip("people_one_down_the_line_right", azimuth_deg=_DTL, bystanders=(_DOWN_RANGE,)),
    _wide("far_away_face_on_right", view_height_m=5.0),
    _clip("blur_face_on_right", shutter=0.5),
    _clip("practice_swing_face_on_right", practice_swing=True, start_s=-6.0),
    _clip("waggle_down_the_line_right", azimuth_deg=_DTL, waggle=True, start_s=-2.2),
    _clip(
        "cut_standing_then_swing_right",
        azimuth_deg=-20.0,
        view_height_m=2.2,
        start_s=-3.5,
        end_s=-2.3,
        then=(_clip("swing"),),
    ),
    _clip("cut_replay_face_on_then_down_the_line_right", then=(_clip("replay", azimuth_deg=_DTL),)),
    _clip("refuse_before_the_top_face_on_right", end_s=0.72),
    _clip("refuse_until_impact_down_the_line_right", azimuth_deg=_DTL, end_s=1.08),
    _clip("refuse_finish_only_face_on_right", start_s=1.25, end_s=3.2),
    _clip("refuse_standing_face_on_right", start_s=-3.0, end_s=-1.0),
    _clip("captured_1_face_on_right", captured_swing=1),
    _clip("captured_4_rate_60_down_the_line_right", captured_swing=4, azimuth_deg=_DTL, fps=60, end_s=1.7),
    _clip("captured_5_oblique_right", captured_swing=5, azimuth_deg=_OBLIQUE),
    _wide("captured_6_landscape_face_on_left", captured_swing=6, handedness="left", bystanders=(_NEAR,)),
    _fast(
        "captured_8_slow_4_down_the_line_left",
        captured_swing=8,
        azimuth_deg=-_DTL,
        handedness="left",
        slow_motion_factor=4.0,
    ),
    _clip("captured_2_blur_face_on_right", captured_swing=2, shutter=0.5, end_s=1.8),
    _clip("captured_7_down_the_line_right", captured_swing=7, azimuth_deg=_DTL),
)


def suite_specs(capture: Path | None) -> tuple[ClipSpec, ...]:
    """The clips that can be rendered: without the motion capture's folder, those of the project's own motion."""
    return tuple(spec for spec in SUITE if capture is not None or not spec.needs_capture)


def make_suite(
    folder: Path, capture: Path | None = None, on_progress: Progress | None = None, processes: int | None = None
) -> tuple[Path, ...]:
    """Render the suite into a folder and return the videos, in the order of `SUITE`.

    Args:
        capture: the folder of the motion capture; None leaves its clips out.
        processes: how many draw at once; None: one a core.

    Raises:
        FileNotFoundError: the folder holds no capture; nothing is rendered.
        ImportError: numba is not installed.
        OSError: the folder cannot be written.
    """
    _check_capture(capture)
    # Spawned, not forked: OpenMP and Numba threads of this process do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes or os.cpu_count(), initializer=prepare_worker) as pool:
        draw_all = partial(pool.imap, chunksize=2)
        return tuple(
            render_clip(spec, folder, on_progress, capture=capture, draw_all=draw_all) for spec in suite_specs(capture)
        )


def _check_capture(capture: Path | None) -> None:
    if capture is None:
        return
    from golf_pipeline.synthetic.mocap import CAPTURE_FILE

    if not (capture / CAPTURE_FILE).is_file():
        raise FileNotFoundError(f"no {CAPTURE_FILE} in {capture}")
