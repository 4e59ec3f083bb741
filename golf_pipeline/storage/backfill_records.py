"""What `backfills.py` hands out: backfills, their items, and how far one is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from golf_pipeline.storage.backfill_selection import Selection


class BackfillState(StrEnum):
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CANCELED = "CANCELED"
    FINISHED = "FINISHED"


class ItemState(StrEnum):
    """How an item stands. WAITING: it was passed over or given back, and is handed out before the rest of the list."""

    WAITING = "WAITING"
    HANDED_OUT = "HANDED_OUT"
    DONE = "DONE"
    UNCHANGED = "UNCHANGED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"

    @property
    def ended(self) -> bool:
        return self not in {ItemState.WAITING, ItemState.HANDED_OUT}


class BackfillRecord(BaseModel):
    """One backfill; `total` is what it was estimated at, and once it is finished how many swings it had."""

    model_config = ConfigDict(frozen=True)

    backfill_id: str
    created_at: datetime
    created_by: str
    selection: Selection
    state: BackfillState
    total: int
    ended_at: datetime | None


class BackfillItem(BaseModel):
    """One swing of a backfill; `seconds` and `usd` are what it took, `stages` those that were made anew."""

    model_config = ConfigDict(frozen=True)

    backfill_id: str
    analysis_id: str
    state: ItemState
    tries: int
    handed_out_at: datetime
    ended_at: datetime | None
    seconds: float | None
    usd: float | None
    error_code: str | None
    error_message: str | None
    stages: tuple[str, ...] | None
    old_result_key: str | None
    new_result_key: str | None


@dataclass(frozen=True)
class HandedOut:
    """A swing to be analysed again; `tries` counts the runs that died with it, `force`: every stage anew."""

    backfill_id: str
    analysis_id: str
    tries: int
    force: bool


@dataclass(frozen=True)
class Progress:
    """How far a backfill is. The six counts add up to `total`.

    Attributes:
        total: as the record's, or more where more swings were met.
        waiting: not handed out, or not any more.
        seconds, usd: what the ended items took together, in work and in money.
        first_at, last_at: when the first item was handed out, and when the last one ended.
        per_second: items ended a second, lately; None before the first.
        eta_s: seconds until the end at that pace; None if it is not known, or the backfill does not run.
    """

    backfill: BackfillRecord
    total: int
    waiting: int
    handed_out: int
    done: int
    unchanged: int
    failed: int
    canceled: int
    seconds: float
    usd: float
    first_at: datetime | None
    last_at: datetime | None
    per_second: float | None

    @property
    def ended(self) -> int:
        return self.done + self.unchanged + self.failed + self.canceled

    @property
    def eta_s(self) -> float | None:
        if not self.per_second or self.backfill.state != BackfillState.RUNNING:
            return None
        return (self.total - self.ended) / self.per_second
