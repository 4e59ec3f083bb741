"""How the chat says things that several of its parts say: days, names inside a sentence, lists."""

from collections.abc import Sequence
from datetime import datetime

from golf_pipeline.coach.chat.data import SwingSummary
from golf_pipeline.coach.facts import phase_words
from golf_pipeline.swing.documents import EventName
from golf_pipeline.swing.personal_text import sanitised

MOST_OF_A_FAILURE = 300
"""Characters of a failure's reason: a sentence or two."""

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def told_day(moment: datetime) -> str:
    """A day as every answer prints it: `3 May 2026` (in the time zone that the data carry, as clients see it)."""
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def told_failure(swing: SwingSummary) -> str:
    """Why a video could not be analysed, in the pipeline's own words, fit to be shown; empty where it says nothing."""
    return sanitised(swing.error_message, MOST_OF_A_FAILURE)


def told_sign(sign: str) -> str:
    """A metric's sign as a text says it: `plus means toward the target`."""
    return sign.replace("+ =", "plus means").replace("- =", "minus means")


def plain(name: str) -> str:
    """A name inside a sentence: a letter that is a shape (C-posture, X-factor) stays a capital."""
    return name if name[1:2] == "-" else name[0].lower() + name[1:]


def capital(text: str) -> str:
    """A text as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def in_words(names: Sequence[str], last: str = "and") -> str:
    """Names as a list in words: `a, b and c`; empty where there is none."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def told_metric(name: str, phase: EventName | None) -> str:
    """A metric at its moment: `pelvis sway at the top`; without a moment where it is of the whole swing."""
    return plain(name) if phase is None else f"{plain(name)} {phase_words(phase)}"
