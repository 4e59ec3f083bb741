"""The coach that asks an OpenAI-compatible model for words.

The model is given the findings and returns prose about them by id, in a strict JSON schema; the numbers behind it are
rendered from the data by `report.py`. What it returns is checked before anybody sees it; one more answer is asked for,
with what was wrong named; then there are no words, with the reason, and the rules write the report. Where key frames
are to be looked at, they go out in batches first, and what was seen in them goes into the same question as words.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from golf_pipeline.coach.budget import CoachLimits, Price, estimated_tokens
from golf_pipeline.coach.documents import CoachingWords, FrameNote, FrameNotes, Spent, StoredAnswer
from golf_pipeline.coach.facts import SwingFacts
from golf_pipeline.coach.pictures import NOTE_TOKENS, Picture, image_tokens, that_fit
from golf_pipeline.coach.prompts import (
    PROMPT_VERSION,
    frames_messages,
    notes_schema,
    picture_parts,
    repair_messages,
    words_messages,
    words_schema,
)
from golf_pipeline.coach.service import CoachUnavailableError, ask
from golf_pipeline.coach.words import CHECK_VERSION, claimed_findings, complaint, text_problems, words_problems
from golf_pipeline.swing.personal_text import sanitised

if TYPE_CHECKING:
    from openai import OpenAI

MOST_ANSWER_TOKENS = 1000
LEAST_ANSWER_TOKENS = 350
"""An answer for one fault has 150 to 250 tokens, for three 400 to 600: with less room it would be cut off."""

MOST_CHARACTERS = 600
"""Characters of one text: three times what the prompt asks for."""


@dataclass(frozen=True)
class CoachModel:
    """A language model to ask, what it costs, and what one coaching may take."""

    client: "OpenAI"
    name: str
    price: Price
    limits: CoachLimits


def question_key(model: CoachModel, facts: SwingFacts, pictures: Sequence[Picture]) -> str:
    """The hash of everything that decides the answer: what is asked, of whom, with which pictures, checked how.

    Findings, metrics and their versions are in it by what they say: a new version that finds the same asks the same.
    """
    shown = chosen_pictures(model, pictures)
    question = {
        "prompt": PROMPT_VERSION,
        "check": CHECK_VERSION,
        "service": str(model.client.base_url),
        "model": model.name,
        "messages": words_messages(facts),
        "schema": words_schema(facts),
        "limits": [model.limits.attempts, model.limits.tokens],
        "pictures": [[one.frame.frame_number, hashlib.sha256(one.jpeg).hexdigest()] for one in shown],
    }
    return hashlib.sha256(json.dumps(question, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def most_usd(model: CoachModel, facts: SwingFacts, pictures: Sequence[Picture]) -> float:
    """What a coaching costs at most: every attempt with the longest answer, within the token limits."""
    limits = model.limits
    asked = estimated_tokens(words_messages(facts), words_schema(facts), model.price.image_tokens)
    usd = 0.0
    left = limits.tokens
    for attempt in range(limits.attempts):
        tokens_in = asked + attempt * MOST_ANSWER_TOKENS
        tokens_out = min(MOST_ANSWER_TOKENS, left - tokens_in)
        if tokens_out < LEAST_ANSWER_TOKENS:
            break
        usd += model.price.of(tokens_in, tokens_out).usd
        left -= tokens_in + tokens_out
    shown = chosen_pictures(model, pictures)
    return (
        usd
        + model.price.of(
            image_tokens(len(shown), model.price.image_tokens, limits.frames_per_call), len(shown) * NOTE_TOKENS
        ).usd
    )


def chosen_pictures(model: CoachModel, pictures: Sequence[Picture]) -> tuple[Picture, ...]:
    limits = model.limits
    return that_fit(pictures, model.price.image_tokens, limits.frames_per_call, limits.image_tokens)


def ask_for_words(model: CoachModel, facts: SwingFacts, pictures: Sequence[Picture] = ()) -> StoredAnswer:
    """Ask for words on the findings; an answer without words says why, and is worth keeping like any other.

    Raises:
        CoachUnavailableError: the service failed or refused, or the budget holds no answer: worth asking again.
    """
    shown = chosen_pictures(model, pictures)
    notes, spent = _look_at(model, facts, shown)
    conversation, schema = words_messages(facts, notes), words_schema(facts)
    words, wrong, name, paid = None, "", model.name, Spent()
    for _ in range(model.limits.attempts):
        asked = estimated_tokens(conversation, schema, model.price.image_tokens)
        room = min(MOST_ANSWER_TOKENS, model.limits.tokens - paid.tokens - asked)
        if room < LEAST_ANSWER_TOKENS:
            wrong = wrong or f"the question alone needs about {asked} of {model.limits.tokens} tokens"
            raise CoachUnavailableError(f"the token budget of this coaching is used up: {wrong}", spent + paid)
        try:
            reply = ask(model.client, model.name, model.price, conversation, schema, room)
        except CoachUnavailableError as error:
            raise CoachUnavailableError(str(error), spent + paid + error.spent) from error
        paid, name = paid + reply.spent, reply.model
        words, wrong = _checked(reply.text, facts, cut_off=reply.cut_off)
        if words is not None:
            break
        conversation = [*conversation, *repair_messages(reply.text, wrong)]
    return StoredAnswer(
        words=words,
        notes=notes,
        frames_seen=len(shown),
        reason="" if words else f"the model's answers were not usable: {wrong}",
        model=name,
        spent=spent + paid,
    )


def _checked(content: str, facts: SwingFacts, *, cut_off: bool) -> tuple[CoachingWords | None, str]:
    if cut_off:
        return None, "it was cut off for its length: be shorter"
    try:
        words = _plain(CoachingWords.model_validate_json(content))
    except ValidationError as error:
        return None, f"it does not follow the schema ({error.error_count()} errors)"
    if not all(_texts(words)):
        return None, "a text is empty"
    if problems := words_problems(words, facts):
        return None, complaint(problems)
    return words, ""


def _plain(words: CoachingWords) -> CoachingWords:
    """The same words as one line of plain text each: they are shown in pages and stored."""

    def line(text: str) -> str:
        return sanitised(text, MOST_CHARACTERS)

    claims = tuple(
        claim.model_copy(
            update={
                "what_happens": line(claim.what_happens),
                "why_it_matters": line(claim.why_it_matters),
                "what_to_feel": line(claim.what_to_feel),
            }
        )
        for claim in words.claims
    )
    return words.model_copy(
        update={"summary": line(words.summary), "encouragement": line(words.encouragement), "claims": claims}
    )


def _texts(words: CoachingWords) -> Iterator[str]:
    yield from (words.summary, words.encouragement)
    for claim in words.claims:
        yield from (claim.what_happens, claim.why_it_matters, claim.what_to_feel)


def _look_at(
    model: CoachModel, facts: SwingFacts, pictures: tuple[Picture, ...]
) -> tuple[tuple[FrameNote, ...], Spent]:
    """One sentence on each key frame, in batches; a sentence that the facts do not carry is dropped, not repaired."""
    notes: dict[int, FrameNote] = {}
    spent = Spent()
    for batch in _batches(pictures, model.limits.frames_per_call):
        parts: list[dict[str, Any]] = [part for one in batch for part in picture_parts(one.frame, one.data_url)]
        frames = [one.frame.frame_number for one in batch]
        try:
            reply = ask(
                model.client,
                model.name,
                model.price,
                frames_messages(parts),
                notes_schema(frames),
                len(batch) * NOTE_TOKENS,
            )
        except CoachUnavailableError as error:
            raise CoachUnavailableError(str(error), spent + error.spent) from error
        spent += reply.spent
        for note in _notes_of(reply.text):
            text = sanitised(note.text, MOST_CHARACTERS)
            if note.frame in frames and text and not text_problems(text, facts, claimed_findings(facts)):
                notes.setdefault(note.frame, FrameNote(frame=note.frame, text=text))
    return tuple(notes[frame] for frame in sorted(notes)), spent


def _notes_of(content: str) -> tuple[FrameNote, ...]:
    try:
        return FrameNotes.model_validate_json(content).notes
    except ValidationError:
        return ()


def _batches(pictures: tuple[Picture, ...], size: int) -> Iterator[tuple[Picture, ...]]:
    return (pictures[start : start + size] for start in range(0, len(pictures), size))
