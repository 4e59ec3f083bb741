"""What the rules say that needs no number: greetings, who answers, what can be asked, what no video tells, terms."""

from golf_pipeline.coach.chat.phrases import Topic, load
from golf_pipeline.coach.chat.said import told_sign
from golf_pipeline.coach.chat.spoken_of import Asked
from golf_pipeline.coach.chat.swing_answers import Said
from golf_pipeline.swing import knowledge

CAN_BE_ASKED = (
    "You can ask me what to work on and why, for a drill or a plan for the week, what I saw at impact or any other "
    "moment, for a number like your tempo, to compare two swings, whether you are improving, or how to film."
)

FIXED: dict[Topic, str] = {
    Topic.GREETING: f"Hello! Good to see you. {CAN_BE_ASKED}",
    Topic.THANKS: "You are welcome. Film the same view again after a few practices and we look at it together.",
    Topic.WHO: (
        "I am the coach of this app: a program, no person. I speak from what was measured in your videos by fixed "
        "rules, and I say so where I do not know."
    ),
    Topic.HELP: f"{CAN_BE_ASKED} I cannot know what the club, the ball or your body's inside did.",
    Topic.PAIN: (
        "I am sorry to hear that. I cannot judge pain or injuries, and no swing advice should be given for them from a "
        "video. Please stop what hurts and see a doctor or a physiotherapist, then a coach in person. When you are "
        "cleared to swing, I am glad to look again."
    ),
    Topic.OUT_OF_SCOPE: (
        "That is outside of what I can see: I read the body in videos of your own full swings. Clubs and balls, the "
        "short game, other golfers, prices and the course I leave to others, a club pro or the app's support. "
        f"{CAN_BE_ASKED}"
    ),
    Topic.UNKNOWN: (
        "I am not sure what you mean, so I would rather not guess. I know what was measured in your videos, and "
        f"nothing of the club, the ball or how it felt. {CAN_BE_ASKED}"
    ),
}


def meaning(asked: Asked) -> Said:
    """What a fault, a metric or a term of the report means, from the knowledge files."""
    known, phrases = knowledge.load(), load()
    texts = []
    terms = [phrases.terms[one] for one in asked.question.terms]
    for fault_id in asked.question.faults[:2]:
        fault = known.faults[fault_id]
        texts.append(f"{fault.name}: {fault.explanation}")
        if fault.not_judged:
            texts.append(f"I cannot judge it: {fault.not_judged}.")
    for metric_id in asked.question.metrics[: 2 if not texts else 0]:
        metric = known.metrics[metric_id]
        sign = f"; {told_sign(metric.sign)}" if metric.sign != "none" else ""
        unit = "" if metric.unit == "ratio" else f", in {'degrees' if metric.unit == 'deg' else metric.unit}"
        texts.append(f"{metric.name}{unit}: {metric.definition}{sign}.")
        if not metric.views:
            texts.append(f"It is not available: {metric.trust_reason}.")
    texts += [
        f"I cannot tell {phrases.unmeasured[one].name}: {phrases.unmeasured[one].why}."
        for one in asked.question.unmeasured
    ]
    if terms and not texts:
        texts = list(terms)
    if not texts:
        return Said(
            "Tell me which word you mean: a fault such as early extension, a number such as tempo, or a term such as "
            "torso length or low trust."
        )
    return Said(" ".join(texts))
