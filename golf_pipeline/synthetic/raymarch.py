"""The drawing of the figure: sphere tracing of smooth unions of round cones, compiled by Numba.

Importing this module imports Numba (development only) and takes about a second: `render.py` does it when it draws. Only
arrays go in and out; what the shapes mean is in `figure.py`. Distance functions and the smooth minimum follow Inigo
Quilez, iquilezles.org/articles/distfunctions and /smin.
"""

import math

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

Array = NDArray[np.float64]

_HEAD, _STEEL, _BALL = 1, 6, 8
_MATERIALS = 10
"""Of each person: the material of the second person's shirt is 10 more than that of the first one's."""
_BETWEEN_GROUPS_M = 0.008
_REACH_M = 0.03
"""Shapes farther than this from a ray cannot touch it, softness included."""
_HIT_M = 0.0012
_STEPS, _SHADOW_STEPS = 72, 28


@njit(cache=True, fastmath=True, inline="always")
def _cone(px, py, pz, s):  # type: ignore[no-untyped-def]
    bx, by, bz = s[3] - s[0], s[4] - s[1], s[5] - s[2]
    qx, qy, qz = px - s[0], py - s[1], pz - s[2]
    length2 = bx * bx + by * by + bz * bz
    along = 0.0
    if length2 > 1e-12:
        along = min(1.0, max(0.0, (qx * bx + qy * by + qz * bz) / length2))
    dx, dy, dz = qx - along * bx, qy - along * by, qz - along * bz
    return math.sqrt(dx * dx + dy * dy + dz * dz) - (s[6] + along * (s[7] - s[6]))


@njit(cache=True, fastmath=True, inline="always")
def _smooth_min(a, b, k):  # type: ignore[no-untyped-def]
    if k <= 0.0:
        return min(a, b)
    h = max(k - abs(a - b), 0.0) / k
    return min(a, b) - h * h * k * 0.25


@njit(cache=True, fastmath=True)
def _scene(px, py, pz, shapes, groups, softness, chosen, count):  # type: ignore[no-untyped-def]
    """Distance to the union of the chosen shapes, and which shape is nearest."""
    total, group_distance, group, nearest, best = 1e9, 1e9, -1, -1, 1e9
    for i in range(count):
        shape = chosen[i]
        distance = _cone(px, py, pz, shapes[shape])
        if distance < best:
            best, nearest = distance, shape
        if groups[shape] != group:
            if group >= 0:
                between = _BETWEEN_GROUPS_M if softness[group] > 0 else 0.0
                total = _smooth_min(total, group_distance, between)
            group, group_distance = groups[shape], distance
        else:
            group_distance = _smooth_min(group_distance, distance, softness[group])
    if group >= 0:
        between = _BETWEEN_GROUPS_M if softness[group] > 0 else 0.0
        total = _smooth_min(total, group_distance, between)
    return total, nearest


@njit(cache=True, fastmath=True)
def _choose(ox, oy, oz, dx, dy, dz, spheres, chosen):  # type: ignore[no-untyped-def]
    """Fill `chosen` with the shapes whose bounding sphere the ray meets; give their number and the range along it."""
    count, near, far = 0, 1e9, 0.0
    for i in range(spheres.shape[0]):
        cx, cy, cz = spheres[i, 0] - ox, spheres[i, 1] - oy, spheres[i, 2] - oz
        along = cx * dx + cy * dy + cz * dz
        radius = spheres[i, 3] + _REACH_M
        gap2 = cx * cx + cy * cy + cz * cz - along * along
        if gap2 < radius * radius:
            half = math.sqrt(radius * radius - gap2)
            if along + half > 0.0:
                chosen[count] = i
                count += 1
                near = min(near, along - half)
                far = max(far, along + half)
    return count, max(near, 0.0), far


@njit(cache=True, fastmath=True)
def _light(px, py, pz, sun, shapes, groups, softness, spheres, chosen):  # type: ignore[no-untyped-def]
    """Share of the sun that reaches a point: 0 in the shadow, soft at its edge."""
    count, near, far = _choose(px, py, pz, sun[0], sun[1], sun[2], spheres, chosen)
    if count == 0:
        return 1.0
    light, t = 1.0, max(near, 0.01)
    for _ in range(_SHADOW_STEPS):
        if t > far:
            break
        distance, _nearest = _scene(
            px + sun[0] * t, py + sun[1] * t, pz + sun[2] * t, shapes, groups, softness, chosen, count
        )
        light = min(light, 14.0 * distance / t)
        if light < 0.01:
            return 0.0
        t += max(0.012, distance)
    return light


@njit(cache=True, fastmath=True)
def _head_colour(px, py, pz, head, red, green, blue):  # type: ignore[no-untyped-def]
    """Hair, brows, eyes and mouth painted on the skull by its own coordinates (left, up, front; metres)."""
    qx, qy, qz = px - head[0, 0], py - head[0, 1], pz - head[0, 2]
    left = qx * head[1, 0] + qy * head[1, 1] + qz * head[1, 2]
    up = qx * head[2, 0] + qy * head[2, 1] + qz * head[2, 2]
    front = qx * head[3, 0] + qy * head[3, 1] + qz * head[3, 2]
    side = abs(left)
    if up > 0.075 - 0.2 * side or (front < 0.025 - 0.25 * max(0.0, -up) and up > -0.045 + 0.4 * max(0.0, front)):
        return 0.13, 0.08, 0.05
    if front > 0.03:
        eye = ((side - 0.033) / 0.015) ** 2 + ((up - 0.024) / 0.008) ** 2
        if eye < 1.0:
            if (side - 0.033) ** 2 + (up - 0.024) ** 2 < 0.0065**2:
                return 0.05, 0.04, 0.03
            return 0.92, 0.90, 0.88
        if abs(up - 0.043 + 0.10 * abs(side - 0.033)) < 0.005 and abs(side - 0.034) < 0.020:
            return 0.15, 0.09, 0.06
        if abs(up + 0.055) < 0.006 and side < 0.026:
            return 0.62, 0.25, 0.24
    return red, green, blue


@njit(cache=True, fastmath=True)
def _shade(px, py, pz, dx, dy, dz, count, chosen, chosen_shadow, nearest, sun, scene, out):  # type: ignore[no-untyped-def]
    shapes, materials, groups, softness, spheres, heads, colours = scene
    e = 0.0015
    nx = ny = nz = 0.0
    for i in range(4):
        kx, ky, kz = (1.0 if i in (0, 3) else -1.0), (1.0 if i in (2, 3) else -1.0), (1.0 if i in (1, 3) else -1.0)
        d, _ = _scene(px + kx * e, py + ky * e, pz + kz * e, shapes, groups, softness, chosen, count)
        nx += kx * d
        ny += ky * d
        nz += kz * d
    norm = 1.0 / max(1e-9, math.sqrt(nx * nx + ny * ny + nz * nz))
    nx, ny, nz = nx * norm, ny * norm, nz * norm
    material = materials[nearest]
    red, green, blue = colours[material, 0], colours[material, 1], colours[material, 2]
    kind = material % _MATERIALS
    if kind == _HEAD:
        red, green, blue = _head_colour(px, py, pz, heads[material // _MATERIALS], red, green, blue)
    facing = max(0.0, nx * sun[0] + ny * sun[1] + nz * sun[2])
    light = 0.0
    if facing > 0.0:
        light = facing * _light(
            px + nx * 0.006, py + ny * 0.006, pz + nz * 0.006, sun, shapes, groups, softness, spheres, chosen_shadow
        )
    # Occlusion by the golfer's own body: how much nearer the union is than free space would be, a hand's width out.
    out_distance, _ = _scene(px + nx * 0.07, py + ny * 0.07, pz + nz * 0.07, shapes, groups, softness, chosen, count)
    open_sky = min(1.0, max(0.35, out_distance / 0.07))
    sky, ground = 0.5 + 0.5 * ny, 0.5 - 0.5 * ny
    shine = 0.0
    if kind in (_STEEL, _BALL):
        reflected = 2 * (nx * sun[0] + ny * sun[1] + nz * sun[2])
        rx, ry, rz = reflected * nx - sun[0], reflected * ny - sun[1], reflected * nz - sun[2]
        shine = 0.6 * max(0.0, -(rx * dx + ry * dy + rz * dz)) ** 20
    out[0] = red * (light * 0.95 + open_sky * (sky * 0.42 + ground * 0.20)) + shine
    out[1] = green * (light * 0.92 + open_sky * (sky * 0.45 + ground * 0.24)) + shine
    out[2] = blue * (light * 0.84 + open_sky * (sky * 0.52 + ground * 0.16)) + shine


@njit(cache=True, fastmath=True, parallel=True)
def draw(image, position, axes, focal, box, sun, shapes, materials, groups, softness, spheres, heads, colours):  # type: ignore[no-untyped-def]
    """Draw the figure and its shadow over `image` (h, w, 3 linear RGB, in place) inside `box` (x0, y0, x1, y1)."""
    height, width = image.shape[0], image.shape[1]
    scene = (shapes, materials, groups, softness, spheres, heads, colours)
    for row in prange(box[1], box[3]):
        chosen = np.empty(spheres.shape[0], np.int64)
        chosen_shadow = np.empty(spheres.shape[0], np.int64)
        colour = np.empty(3)
        for column in range(box[0], box[2]):
            u, v = (column + 0.5 - width / 2) / focal, (row + 0.5 - height / 2) / focal
            dx = axes[0, 0] * u + axes[1, 0] * v + axes[2, 0]
            dy = axes[0, 1] * u + axes[1, 1] * v + axes[2, 1]
            dz = axes[0, 2] * u + axes[1, 2] * v + axes[2, 2]
            norm = 1.0 / math.sqrt(dx * dx + dy * dy + dz * dz)
            dx, dy, dz = dx * norm, dy * norm, dz * norm
            ground = -position[1] / dy if dy < -1e-4 else 1e9
            count, t, far = _choose(position[0], position[1], position[2], dx, dy, dz, spheres, chosen)
            far = min(far, ground)
            hit = False
            if count > 0:
                for _ in range(_STEPS):
                    if t > far:
                        break
                    px, py, pz = position[0] + dx * t, position[1] + dy * t, position[2] + dz * t
                    distance, nearest = _scene(px, py, pz, shapes, groups, softness, chosen, count)
                    if distance < _HIT_M:
                        _shade(px, py, pz, dx, dy, dz, count, chosen, chosen_shadow, nearest, sun, scene, colour)
                        image[row, column, 0], image[row, column, 1], image[row, column, 2] = (
                            colour[0],
                            colour[1],
                            colour[2],
                        )
                        hit = True
                        break
                    t += 0.92 * distance
            if not hit and ground < 12.0:
                gx, gz = position[0] + dx * ground, position[2] + dz * ground
                light = _light(gx, 0.004, gz, sun, shapes, groups, softness, spheres, chosen_shadow)
                shadow = 0.42 + 0.58 * light
                for channel in range(3):
                    image[row, column, channel] *= shadow
