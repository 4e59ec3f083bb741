"""What a coaching may cost: tokens estimated before a call without any network, money by day, and paying only once.

How usage and answers are kept is not decided here: `UsageLedger` and `AnswerStore` are what a keeper must do. The
pipeline keeps both in its catalog and object store, the command in a folder (`on_disk.py`).
"""

import json
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from golf_pipeline.coach.documents import Spent, StoredAnswer

BYTES_PER_TOKEN = 3.5
"""OpenAI's rule of thumb is four characters of English a token. Counted with the public cl100k encoding, the longest
question of this package has 4.0 bytes a token in its instructions and data and 3.2 in its schema: 1,185 tokens, which
3.5 over-estimates by a tenth. Text of another script has more bytes a character, and is over-estimated further."""

TOKENS_PER_MESSAGE = 6
"""Marks around each message; OpenAI's cookbook counts three a message and three for the answer's beginning."""


class UsageLedger(Protocol):
    """What was spent today. Money is taken out before a call and what was not needed is given back after it, so that
    two runs at a time cannot both spend the last of it."""

    def reserve(self, usd: float, most_usd: float) -> bool:
        """Take `usd` out of today's budget of `most_usd`; False, and nothing taken, where it does not hold so much."""
        ...

    def settle(self, reserved_usd: float, spent: Spent) -> None:
        """Replace what was reserved by what was spent."""
        ...


class ChatLedger(Protocol):
    """What one golfer's chat and everybody's have spent today, against the limits that it was made with."""

    def reserve(self, usd: float) -> Literal["", "user", "all"]:
        """Take `usd` out of both budgets; else nothing is taken, and what is returned says whose is used up."""
        ...

    def settle(self, reserved_usd: float, spent: Spent) -> None:
        """Replace what was reserved by what was spent."""
        ...


class AnswerStore(Protocol):
    """Answers by the hash of their question."""

    def get(self, key: str) -> StoredAnswer | None: ...

    def put(self, key: str, answer: StoredAnswer) -> None: ...


@dataclass(frozen=True)
class CoachLimits:
    """What one coaching may take; see the settings of the same names."""

    tokens: int = 6000
    image_tokens: int = 6000
    attempts: int = 2
    frames_per_call: int = 6
    usd_per_day: float = 20.0


@dataclass(frozen=True)
class Price:
    """USD per million tokens in and out, and the tokens of one key frame."""

    usd_in: float
    usd_out: float
    image_tokens: int

    def of(self, tokens_in: int, tokens_out: int) -> Spent:
        usd = (tokens_in * self.usd_in + tokens_out * self.usd_out) / 1e6
        return Spent(tokens=tokens_in + tokens_out, usd=round(usd, 6))


def estimated_tokens(messages: list[dict[str, Any]], response_format: dict[str, Any], image_tokens: int) -> int:
    """An upper figure of the tokens of a request: its texts, its schema, which counts as well, and its pictures."""
    tokens = _of_text(json.dumps(response_format, ensure_ascii=False))
    for message in messages:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        tokens += TOKENS_PER_MESSAGE
        tokens += sum(_of_text(part["text"]) if part["type"] == "text" else image_tokens for part in parts)
    return tokens


def _of_text(text: str) -> int:
    return -(-len(text.encode()) * 10 // int(10 * BYTES_PER_TOKEN))
