"""The shape of `GET /operations.json`: the parts of an operator's day. What is counted by a query is in `storage`."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from golf_pipeline import __version__
from golf_pipeline.alarms import Alarm
from golf_pipeline.failures import Cause
from golf_pipeline.storage.alarm_states import AlarmState
from golf_pipeline.storage.operating_days import Cost, Day, Hour, Spread
from golf_pipeline.storage.operating_failures import FailedSwing, FailingProfiles
from golf_pipeline.storage.operating_now import Backfill
from golf_pipeline.storage.operating_stages import StagesLately, StageVersions


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class SwingsNow(_Part):
    """Swings that are not finished, and how those of the last 24 hours ended."""

    waiting: int = Field(description="uploads that wait for a run")
    waiting_oldest_s: float = Field(description="seconds that the oldest of them has waited")
    under_way: dict[str, int] = Field(description="by status")
    ended_last_day: dict[str, int] = Field(description="by status")


class Queues(_Part):
    """The upload queue and the one behind it; SQS counts both approximately."""

    waiting: int
    in_flight: int = Field(description="received and not dealt with yet")
    dead_letters: int | None = Field(description="null where there is no dead-letter queue")


class RingingAlarm(_Part):
    """An alarm that rings, with what it means and what to do."""

    name: str
    severity: str | None = Field(description="null for an alarm that this version does not know")
    value: float | None
    above: float | None = Field(description="the threshold")
    unit: str
    since: datetime
    meaning: str
    action: str

    @classmethod
    def of(cls, state: AlarmState, alarm: Alarm | None) -> "RingingAlarm":
        return cls(
            name=state.name,
            severity=None if alarm is None else alarm.severity.value,
            value=state.value,
            above=None if alarm is None else alarm.above,
            unit="" if alarm is None else alarm.unit,
            since=state.changed_at,
            meaning="" if alarm is None else alarm.meaning,
            action="" if alarm is None else alarm.action,
        )


class AlarmsNow(_Part):
    """The alarms that the pipeline evaluates itself."""

    looked_at: datetime | None = Field(description="when they were evaluated last; null: never")
    watched: int = Field(description="how many are evaluated")
    ringing: tuple[RingingAlarm, ...]
    soon: tuple[str, ...] = Field(description="above their threshold, and not for long enough yet")


class FailureCount(_Part):
    """How many swings failed in the last 24 hours with one error code."""

    code: str
    swings: int
    cause: Cause | None = Field(description="whether the video or the service is to blame")
    meaning: str
    action: str


class Failed(FailedSwing):
    """A failed swing, and where to read on."""

    result_url: str = Field(description="the result's route, for whoever may see the swing")
    dagster_url: str | None = Field(description="the swing in the Dagster UI; null without GOLF_DAGSTER_URL")


class CostsByDay(_Part):
    """What models cost in the last 30 days."""

    limits_usd: dict[str, float] = Field(description="the day's limit, by purpose")
    days: tuple[Cost, ...]


class Operations(_Part):
    """An operator's day. A part is null where it could not be read, and then named in `unavailable`."""

    at: datetime
    version: str = __version__
    checks: dict[str, str] = Field(description="what the service needs: ok, or how it failed")
    unavailable: tuple[str, ...]
    swings: SwingsNow | None = None
    queues: Queues | None = Field(None, description="null without a queue too")
    alarms: AlarmsNow | None = None
    backfills: tuple[Backfill, ...] | None = None
    hours: tuple[Hour, ...] | None = None
    days: tuple[Day, ...] | None = None
    upload_to_coaching: Spread | None = Field(None, description="null where no swing was finished too")
    stages: StagesLately | None = None
    failures: tuple[FailureCount, ...] | None = None
    latest_failed: tuple[Failed, ...] | None = None
    costs: CostsByDay | None = None
    versions: tuple[StageVersions, ...] | None = None
    profiles: FailingProfiles | None = None
