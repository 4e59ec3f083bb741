"""Sending dead letters back from the Dagster UI: the same as `golf-pipeline dead-letters redrive`."""

import dagster as dg
from pydantic import Field

from golf_pipeline.orchestration.resources import SwingStore
from golf_pipeline.storage.dead_letters import MOST_MESSAGES, DeadLetters, DeadLettersUnavailableError


class RedriveConfig(dg.Config):
    """Which messages are sent back."""

    message_ids: list[str] = Field(
        default=[], description="Ids of messages, as the checks and the command list them; none: all that can be read."
    )
    most: int = Field(default=MOST_MESSAGES, ge=1, le=MOST_MESSAGES, description="Most messages of one run.")


@dg.op(description="Sends messages back to the upload queue; each is deleted only after the queue has taken it.")
def send_back(context: dg.OpExecutionContext, swing_store: SwingStore, config: RedriveConfig) -> None:
    try:
        queue = DeadLetters.from_settings(swing_store.settings)
        done = queue.redrive(config.message_ids or None, config.most)
    except DeadLettersUnavailableError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    for message_id, problem in done.come_back.items():
        context.log.warning(f"{message_id} will come back, delete it once you have seen what it is: {problem}")
    for message_id, problem in done.left.items():
        context.log.warning(f"{message_id} was left, it would come back: {problem}")
    if done.not_found:
        context.log.warning(f"not found: {', '.join(done.not_found)}")
    context.add_output_metadata(
        {
            "sent_back": len(done.done),
            "will_come_back": dict(done.come_back),
            "left": dict(done.left),
            "not_found": done.not_found,
            "there_may_be_more": done.more,
        }
    )


@dg.job(
    description="Sends dead letters back to the upload queue: all that can be read, or those that the config names. "
    "What cannot be read is left and named in the log, as it would come back.",
    executor_def=dg.in_process_executor,
)
def redrive_dead_letters() -> None:
    send_back()
