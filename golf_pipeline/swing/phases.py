"""The client's names for the parts of a swing, and what a golfer should know about each.

The eight events are points; clients speak of stretches. The mapping is that of the older clients: address up to the
takeaway, takeaway = address to toe-up, backswing = toe-up to top, transition = around the top, downswing = top to
impact, impact, follow-through, finish. Only names live here; where the events lie is `events.py`.
"""

from golf_pipeline.swing.documents import EventName, SwingSegmentation

ADDRESS, TAKEAWAY, BACKSWING, TRANSITION = "address", "takeaway", "backswing", "transition"
DOWNSWING, IMPACT, FOLLOW_THROUGH, FINISH = "downswing", "impact", "follow-through", "finish"

PHASES = (ADDRESS, TAKEAWAY, BACKSWING, TRANSITION, DOWNSWING, IMPACT, FOLLOW_THROUGH, FINISH)

TRANSITION_SHARE = 0.15
"""Share of the downswing before and after the top that is called transition: 35 ms each way in a real-time swing, about
the time that the hands stand still. A convention for naming, not a measurement."""

IMPACT_SHARE = 0.05
"""Share of the downswing before and after impact that is called impact: the frame itself at 30 per second, and as long
on the clock in slow motion."""

EVENT_TITLES: dict[EventName, str] = {
    EventName.ADDRESS: "Address",
    EventName.TOE_UP: "Toe-up",
    EventName.MID_BACKSWING: "Mid-backswing",
    EventName.TOP: "Top",
    EventName.MID_DOWNSWING: "Mid-downswing",
    EventName.IMPACT: "Impact",
    EventName.MID_FOLLOW_THROUGH: "Mid-follow-through",
    EventName.FINISH: "Finish",
}

EVENT_PHASES: dict[EventName, str] = {
    EventName.ADDRESS: ADDRESS,
    EventName.TOE_UP: TAKEAWAY,
    EventName.MID_BACKSWING: BACKSWING,
    EventName.TOP: TRANSITION,
    EventName.MID_DOWNSWING: DOWNSWING,
    EventName.IMPACT: IMPACT,
    EventName.MID_FOLLOW_THROUGH: FOLLOW_THROUGH,
    EventName.FINISH: FINISH,
}


def phase_at(segmentation: SwingSegmentation, frame: float) -> str:
    """The client's phase name of a frame of the video (0-based; frames outside the swing are address and finish)."""
    at = {event.event: event.frame for event in segmentation.events}
    downswing = at[EventName.IMPACT] - at[EventName.TOP]
    around_top, around_impact = TRANSITION_SHARE * downswing, IMPACT_SHARE * downswing
    if frame <= at[EventName.ADDRESS]:
        return ADDRESS
    if frame >= at[EventName.FINISH]:
        return FINISH
    if abs(frame - at[EventName.IMPACT]) <= around_impact:
        return IMPACT
    if abs(frame - at[EventName.TOP]) <= around_top:
        return TRANSITION
    borders = ((EventName.TOE_UP, TAKEAWAY), (EventName.TOP, BACKSWING), (EventName.IMPACT, DOWNSWING))
    return next((phase for event, phase in borders if frame <= at[event]), FOLLOW_THROUGH)


def phase_title(phase: str) -> str:
    """A phase's name as a heading."""
    return phase.capitalize()
