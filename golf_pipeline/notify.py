"""Telling people of alarms: to the log, to a webhook, to an SNS topic.

A channel takes what it is told within seconds or says that it did not; what becomes of it then is decided by
`storage/alarm_states.py`. Addresses are secrets and are never logged. What is told holds numbers and names of alarms,
nothing of a golfer.
"""

import json
import logging
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol
from urllib.error import HTTPError

from golf_pipeline.alarms import Alarm, Severity
from golf_pipeline.settings import Settings
from golf_pipeline.storage.alarm_states import AlarmState, Change
from golf_pipeline.storage.service_readings import Reading

if TYPE_CHECKING:
    from botocore.client import BaseClient

CONNECT_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 3.0
ATTEMPTS = 2
"""With both time-outs: at most ten seconds for a channel that does not answer. It is tried again a minute later."""

SUBJECT_CHARACTERS = 100  # SNS refuses more

log = logging.getLogger("golf_pipeline.alarms")


@dataclass(frozen=True)
class Telling:
    """What is told of an alarm."""

    alarm: Alarm
    change: Change
    value: float | None
    since: datetime
    """When it began to ring, or ended."""
    service: str
    """Which deployment it is: the name of its bucket."""
    dagster_url: str | None = None

    @property
    def title(self) -> str:
        """One line: which deployment, how bad, what."""
        return f"[{self.service}] {self.alarm.severity.value} {self.alarm.name} {self.change.value}"

    @property
    def text(self) -> str:
        """Some lines for people: what it is, and while it rings, what to do."""
        alarm, number = self.alarm, "unknown" if self.value is None else f"{self.value:g}"
        told = f"{number} {alarm.unit} (threshold {alarm.above:g}), since {self.since:%Y-%m-%d %H:%M:%S} UTC"
        if self.change == Change.ENDED:
            return f"{self.title}: {told}"
        where = f"\n{self.dagster_url}" if self.dagster_url else ""
        return f"{self.title}: {told}\n{alarm.meaning}\nWhat to do: {alarm.action}{where}"

    def document(self) -> dict[str, Any]:
        """The same for programs; chats that take an incoming webhook show `text`."""
        alarm = self.alarm
        return {
            "text": self.text,
            "event": "alarm",
            "service": self.service,
            "alarm": alarm.name,
            "change": self.change.value,
            "severity": alarm.severity.value,
            "value": self.value,
            "threshold": alarm.above,
            "unit": alarm.unit,
            "since": self.since.isoformat(),
            "meaning": alarm.meaning,
            "action": alarm.action,
        }


def telling(alarm: Alarm, state: AlarmState, change: Change, settings: Settings) -> Telling:
    """What is told of an alarm that stands so."""
    return Telling(alarm, change, state.value, state.changed_at, settings.bucket, settings.dagster_url)


def trial_telling(settings: Settings) -> Telling:
    """What an operator sends to see whether it arrives."""
    alarm = Alarm(
        name="AlarmTest",
        reading=Reading.CATALOG_DOWN,
        above=0,
        for_s=0,
        severity=Severity.WARNING,
        unit="tests",
        meaning="An operator tries out whether alarms arrive. Nothing is wrong.",
        action="Nothing is to be done.",
    )
    return Telling(alarm, Change.RINGS, 1.0, datetime.now(UTC), settings.bucket, settings.dagster_url)


class NotToldError(Exception):
    """A channel did not take what it was told; the message names the kind of failure only, never the address."""


class Channel(Protocol):
    """Somebody who is told."""

    name: str

    def send(self, what: Telling) -> None:
        """Tell.

        Raises:
            NotToldError: it was not taken, as far as we know.
        """


class LogChannel:
    """The log: one JSON document a line."""

    name = "log"

    def send(self, what: Telling) -> None:
        """Write the line, as loud as the alarm is."""
        loud = logging.ERROR if what.alarm.severity == Severity.CRITICAL else logging.WARNING
        document = {key: value for key, value in what.document().items() if key != "text"}
        log.log(logging.WARNING if what.change == Change.ENDED else loud, json.dumps(document))


class WebhookChannel:
    """A receiver of JSON by HTTP POST; any answer of 2xx counts as taken."""

    name = "webhook"

    def __init__(self, url: str) -> None:
        self._url = url
        # A redirect would turn the POST into a GET, whose 200 says nothing.
        self._opener = urllib.request.build_opener(_NoRedirect)

    def send(self, what: Telling) -> None:
        """POST the document, twice at most.

        Raises:
            NotToldError: no connection, no answer in time, or another answer than 2xx.
        """
        body = json.dumps(what.document()).encode()
        failure = ""
        for _ in range(ATTEMPTS):
            try:
                self._post(body)
            except HTTPError as error:
                error.close()
                failure = f"it answered {error.code}"
            except (OSError, ValueError) as error:
                failure = type(error).__name__
            else:
                return
        raise NotToldError(f"the webhook did not take it: {failure}")

    def _post(self, body: bytes) -> None:
        headers = {"Content-Type": "application/json", "User-Agent": "golf-pipeline"}
        request = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310, http(s) by settings
        with self._opener.open(request, timeout=READ_TIMEOUT_S):
            pass


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class SnsChannel:
    """An SNS topic: mail gets the text, everybody else the document, and the attributes are there to filter by."""

    name = "sns"

    def __init__(self, client: "BaseClient", topic_arn: str) -> None:
        self._client: Any = client
        self._topic_arn = topic_arn

    @classmethod
    def connect(cls, topic_arn: str, endpoint_url: str | None) -> "SnsChannel":
        """A channel over a new client, in the region that the topic names."""
        import boto3
        from botocore.config import Config

        config = Config(
            connect_timeout=CONNECT_TIMEOUT_S, read_timeout=READ_TIMEOUT_S, retries={"total_max_attempts": ATTEMPTS}
        )
        region = topic_arn.split(":")[3]
        client = boto3.session.Session().client("sns", endpoint_url=endpoint_url, region_name=region, config=config)
        return cls(client, topic_arn)

    def send(self, what: Telling) -> None:
        """Publish the message.

        Raises:
            NotToldError: SNS does not answer or refuses.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        document = json.dumps(what.document())
        values = {"alarm": what.alarm.name, "change": what.change.value, "severity": what.alarm.severity.value}
        try:
            self._client.publish(
                TopicArn=self._topic_arn,
                Subject=what.title[:SUBJECT_CHARACTERS],
                Message=json.dumps({"default": document, "email": what.text, "sms": what.title}),
                MessageStructure="json",
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in values.items()
                },
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "refused")
            raise NotToldError(f"SNS did not take it: {code}") from error
        except BotoCoreError as error:
            raise NotToldError(f"SNS did not take it: {type(error).__name__}") from error


def channels(settings: Settings) -> tuple[Channel, ...]:
    """Who is told: the log always, the others where they are set."""
    found: list[Channel] = [LogChannel()]
    if settings.alarm_webhook_url is not None:
        found.append(WebhookChannel(settings.alarm_webhook_url.get_secret_value()))
    if settings.alarm_topic_arn is not None:
        found.append(SnsChannel.connect(settings.alarm_topic_arn, settings.sns_endpoint_url))
    return tuple(found)
