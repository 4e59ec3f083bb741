"""The coaching of one swing: a model's words where there are a model and a budget, the rules' words otherwise.

`coach_swing` is the one way to it, for the pipeline and for the command. Both writers read the same findings and have
their numbers from the same data; the rule-based report of `swing/advice.py` is always the base.
"""

from collections.abc import Callable, Sequence

from golf_pipeline.coach.budget import AnswerStore, CoachLimits, Price, UsageLedger
from golf_pipeline.coach.documents import AiAnalysis, Spent, StoredAnswer
from golf_pipeline.coach.facts import SwingFacts
from golf_pipeline.coach.openai_coach import CoachModel, ask_for_words, most_usd, question_key
from golf_pipeline.coach.pictures import Picture
from golf_pipeline.coach.report import Written, assemble
from golf_pipeline.coach.service import CoachUnavailableError, connect
from golf_pipeline.coach.words import words_problems
from golf_pipeline.settings import Settings
from golf_pipeline.swing.documents import Report, SwingAnalysis, SwingSegmentation

ALGORITHM_VERSION = "2"

NO_MODEL = "no model is configured"
DAY_IS_SPENT = "the day's budget for coaching is used up"


def model_from_settings(settings: Settings) -> CoachModel | None:
    """The model that the settings name, or None without a key; an unknown model is billed at the dearest price."""
    if settings.openai_api_key is None:
        return None
    return CoachModel(
        client=connect(
            settings.openai_api_key.get_secret_value(),
            settings.openai_base_url,
            timeout_s=settings.coach_timeout_s,
            retries=settings.coach_retries,
        ),
        name=settings.openai_model,
        price=price_of(settings),
        limits=CoachLimits(
            tokens=settings.coach_tokens,
            image_tokens=settings.coach_image_tokens,
            attempts=settings.coach_attempts,
            frames_per_call=settings.coach_frames_per_call,
            usd_per_day=settings.coach_usd_per_day,
        ),
    )


def price_of(settings: Settings) -> Price:
    """The price of the model that the settings name; one that is not listed is billed at the dearest."""
    prices, images = settings.model_prices, settings.model_image_tokens
    dearest = (max(price[0] for price in prices.values()), max(price[1] for price in prices.values()))
    usd_in, usd_out = prices.get(settings.openai_model, dearest)
    return Price(usd_in, usd_out, images.get(settings.openai_model, max(images.values())))


def facts_of(analysis: SwingAnalysis) -> SwingFacts:
    """What may be said of an analysed swing.

    Raises:
        ValueError: the clip was refused, or the analysis lacks a part: there is nothing to coach on.
    """
    if analysis.capture is None or analysis.findings is None:
        raise ValueError("coaching needs an analysed swing: capture or findings are missing")
    segmentation = SwingSegmentation(capture=analysis.capture, events=analysis.events, candidates=analysis.candidates)
    drills = tuple(text for drill in _report_of(analysis).drills for text in (drill.name, drill.how, drill.cue))
    return SwingFacts(analysis.findings, analysis.metrics, segmentation, drills)


def coach_swing(
    analysis: SwingAnalysis,
    *,
    model: CoachModel | None = None,
    answers: AnswerStore | None = None,
    ledger: UsageLedger | None = None,
    pictures: Sequence[Picture] = (),
) -> AiAnalysis:
    """Write the coaching; it never fails for the model's sake: without a usable answer the rules speak and say why.

    Args:
        answers: where answers are kept, so that the same question is not paid for twice.
        ledger: where the day's spending is kept; without one only the limits of this coaching hold.
        pictures: key frames to show to the model; none unless they are asked for.

    Raises:
        ValueError: the analysis was refused or lacks a part.
    """
    facts, report = facts_of(analysis), _report_of(analysis)

    def written(answer: StoredAnswer, *, reused: bool) -> AiAnalysis:
        coaching = assemble(facts, report, analysis.key_frames, Written(answer.words, answer.notes, answer.reason))
        bill = {"tokens_used": answer.spent.tokens, "cost_usd": answer.spent.usd, "answer_reused": reused}
        if pictures:
            bill |= {"frames_analyzed": answer.frames_seen, "frames_skipped": len(pictures) - answer.frames_seen}
        return coaching.model_copy(update={**bill, "model": answer.model if answer.words else "rules"})

    if model is None:
        return written(_nothing(NO_MODEL), reused=False)
    key = question_key(model, facts, pictures)
    stored = answers.get(key) if answers else None
    if stored is not None and not (stored.words and words_problems(stored.words, facts)):
        return written(stored, reused=True)

    def keep(answer: StoredAnswer) -> None:
        if answers is not None:
            answers.put(key, answer)

    answer = _answer(model, facts, pictures, ledger, keep)
    return written(answer, reused=False)


def _report_of(analysis: SwingAnalysis) -> Report:
    if analysis.report is None:
        raise ValueError("coaching needs an analysed swing: the report is missing")
    return analysis.report


def _answer(
    model: CoachModel,
    facts: SwingFacts,
    pictures: Sequence[Picture],
    ledger: UsageLedger | None,
    keep: Callable[[StoredAnswer], None],
) -> StoredAnswer:
    """Ask within the day's budget; what failed for want of a service or of money has no model and is not kept.

    An answer is kept before the bill is settled: should the ledger be gone by then, another try does not pay again.
    """
    reserved = most_usd(model, facts, pictures)
    if ledger is not None and not ledger.reserve(reserved, model.limits.usd_per_day):
        return _nothing(DAY_IS_SPENT)
    spent = Spent(usd=reserved)  # should anything else fail, the reservation stands: spent, as far as anybody knows
    try:
        answer = ask_for_words(model, facts, pictures)
        spent = answer.spent
        keep(answer)
    except CoachUnavailableError as error:
        spent = error.spent
        answer = _nothing(str(error), spent)
    finally:
        if ledger is not None:
            ledger.settle(reserved, spent)
    return answer


def _nothing(reason: str, spent: Spent | None = None) -> StoredAnswer:
    return StoredAnswer(words=None, reason=reason, model="", spent=spent or Spent())
