"""What the HTML pages have in common: the templates, how numbers are written, pictures as part of the page.

A page is one file that needs nothing else. All text goes through Jinja's escaping: a file name or a note can never
become markup. The pages are `report.py`, `compare_files.py` and `storage/backfill_report_files.py`.
"""

import base64
from functools import lru_cache
from typing import TYPE_CHECKING

from golf_pipeline.swing.charts import corridor_words, minus
from golf_pipeline.swing.drawing import Image, encode_jpeg
from golf_pipeline.swing.phases import EVENT_TITLES

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

INLINE_QUALITY = 80
DECIMALS = {"deg": 1, "torso lengths": 2, "stance widths": 2, "ratio": 1, "s": 2}
NO_DECIMALS_FROM = 10.0
"""Noise from which the decimals of a number say nothing."""

_UNITS = {"deg": "°", "ratio": ""}


def render(template: str, **values: object) -> str:
    """The page of a template in `templates/`."""
    return _templates().get_template(template).render(titles=EVENT_TITLES, **values)


def inline_picture(image: Image) -> "Markup":
    """A picture as a data URI (JPEG)."""
    return inline_jpeg(encode_jpeg(image, INLINE_QUALITY))


def inline_jpeg(data: bytes) -> "Markup":
    """The bytes of a JPEG as a data URI; nothing in it needs escaping, which a long one would pay for."""
    from markupsafe import Markup

    return Markup("data:image/jpeg;base64," + base64.b64encode(data).decode("ascii"))  # noqa: S704


def written(value: float, unit: str, noise: float | None = None) -> str:
    """A number with as many decimals as its unit deserves and its noise allows, without the unit."""
    # Adding zero turns the "-0.00" of a tiny negative number into "0.00".
    decimals = 0 if noise is not None and noise >= NO_DECIMALS_FROM else DECIMALS.get(unit, 2)
    return minus(f"{round(value, decimals) + 0.0:.{decimals}f}")


def with_unit(value: float, unit: str) -> str:
    """A number with its unit, as one says it: "33.1°", "0.08 torso lengths"."""
    return _joined(written(value, unit), unit)


def with_noise(value: float, noise: float | None, unit: str) -> str:
    """A number with its noise and its unit: "33.1 ± 1.1°"; the noise with two significant figures."""
    if noise is None:
        return with_unit(value, unit)
    return _joined(f"{written(value, unit, noise)} \N{PLUS-MINUS SIGN} {noise:.2g}", unit)


def _change(value: float, unit: str) -> str:
    number = with_unit(value, unit)
    return number if number.startswith("\N{MINUS SIGN}") else f"+{number}"


def _joined(number: str, unit: str) -> str:
    shown = _UNITS.get(unit, unit)
    return f"{number}{'' if shown in {'', '°'} else ' '}{shown}"


@lru_cache(maxsize=1)
def _templates() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pages = Environment(
        loader=PackageLoader("golf_pipeline.swing"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {
        "written": written,
        "with_unit": with_unit,
        "with_noise": with_noise,
        "change": _change,
        "corridor": corridor_words,
        "sentence": lambda words: words[:1].upper() + words[1:],
    }
    return pages
