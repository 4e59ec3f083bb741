"""Every environment variable of the pipeline, typed, in one place. Nothing else reads the environment.

All names carry the prefix `GOLF_`: `GOLF_BUCKET`, `GOLF_CATALOG_URL`, ... `OPENAI_API_KEY` and `OPENAI_BASE_URL` work
as they do everywhere else, after their `GOLF_` forms. AWS credentials are boto3's own business.
"""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import (
    AliasChoices,
    Field,
    HttpUrl,
    NonNegativeFloat,
    NonNegativeInt,
    SecretStr,
    TypeAdapter,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="GOLF_", extra="ignore", frozen=True, populate_by_name=True)

    bucket: str = Field("golf-swings", description="S3 bucket of uploads and outputs")
    region: str = "us-east-1"
    s3_endpoint_url: str | None = Field(None, description="any S3-compatible service; None means AWS")
    sqs_endpoint_url: str | None = None
    queue_url: str | None = Field(
        None, description="SQS queue of ObjectCreated events; None: only the reconcile sensor ingests"
    )
    catalog_url: str = Field("sqlite:///.golf/catalog.db", description="sqlite:///... or postgresql://...")

    data_folder: Path = Field(Path(".golf"), description="local state: catalog, caches, the local stack's objects")
    work_folder: Path | None = Field(
        None, description="scratch for videos in work; None: the system's temporary folder"
    )
    pose_model: Path | None = Field(
        None, description="path of pose_landmarker_full.task; None: cache, then package, then download"
    )

    max_upload_bytes: int = 100 * 1024 * 1024
    min_duration_s: float = 1.0
    max_duration_s: float = 60.0

    oidc_issuer: str | None = Field(
        None, description="issuer of the bearer tokens, exactly as their `iss` says it; None: tokens are refused"
    )
    oidc_audience: str | None = Field(None, description="audience that a token must name (of Cognito: the client's id)")
    oidc_jwks_url: str | None = Field(None, description="the issuer's keys; None: as its discovery document says")
    oidc_roles_claim: str = Field("roles", description="claim that lists coach and admin; of Cognito: cognito:groups")
    link_key: SecretStr | None = Field(
        None, min_length=32, description="signs the links to results in the Dagster UI; None: they need a token"
    )
    link_expires_s: int = Field(30 * 24 * 3600, gt=0)

    presigned_put_expires_s: int = 900
    presigned_get_expires_s: int = 3600
    api_url: str = Field(
        "http://127.0.0.1:8000", description="where clients reach the API; links in the Dagster UI start with it"
    )
    api_host: str = Field("127.0.0.1", description="address that the API listens on; 0.0.0.0 in a container")
    api_port: int = 8000
    api_workers: int = Field(1, ge=1, description="processes of `golf-pipeline api`")
    api_trusted_proxies: str = Field(
        "127.0.0.1",
        description="addresses, comma-separated, whose X-Forwarded-For tells a caller's address; *: all, "
        "and every caller can claim any address",
    )
    api_body_timeout_s: float = Field(10.0, gt=0, description="a request whose body takes longer is refused")
    api_max_header_bytes: int = Field(16 * 1024, gt=0)
    api_log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    api_log_share: float = Field(
        1.0, ge=0, le=1, description="share of the requests that leave a line in the log; failures of ours always do"
    )
    metrics_token: SecretStr | None = Field(
        None, min_length=16, description="opens /metrics; None: this machine and admins may read it"
    )
    dagster_url: str | None = Field(None, description="where operators reach the Dagster UI; None: no links to it")
    cors_origins: tuple[str, ...] = ()
    idempotency_hours: float = Field(24.0, gt=0, description="how long an Idempotency-Key is remembered")
    requests_per_minute_per_ip: int = Field(100, ge=1, description="requests that start work or chat, from one address")
    uploads_per_user_hour: int = Field(60, ge=1, description="videos announced by one user (of guests: one address)")

    queue_visibility_s: int = 120
    dispatch_cap: int = Field(50, ge=1, description="most swings handed to runs in one tick")
    dispatch_ahead: int = Field(100, ge=1, description="most swings that are with runs at once; the others wait")
    batch_backlog: int = Field(20, ge=1, description="from this many waiting swings on, one run carries many")
    batch_size: int = Field(10, ge=1, description="least swings in one batch run")
    batch_most: int = Field(
        25, ge=1, description="most swings in one batch run; each keeps its video on disk till its end"
    )
    reanalysis_runs: int = Field(4, ge=1, description="runs of backfills in the queue and at work; twice those at once")
    reanalysis_batch: int = Field(10, ge=1, description="swings in one run of a backfill that opens their videos")
    remeasure_batch: int = Field(500, ge=1, description="swings in one run of a backfill that opens no video")
    profile_batch: int = Field(25, ge=1, description="golfers whose profiles one run makes")

    fresh_upload_hours: float | None = Field(
        None, gt=0, description="no upload for so long is an alarm; None: it is none"
    )
    alarm_webhook_url: SecretStr | None = Field(
        None, description="alarms are POSTed there as JSON; its `text` is for chats"
    )
    alarm_topic_arn: str | None = Field(
        None, pattern=r"^arn:[^:]+:sns:[^:]+:\d{12}:.+$", description="SNS topic of alarms"
    )
    sns_endpoint_url: str | None = Field(None, description="any service that speaks SNS; None means AWS")

    video_retention_days: float | None = Field(None, gt=0, description="uploads older than that go; None: kept")
    old_outputs_days: float = Field(30.0, gt=0, description="how long an output that a newer one replaced is kept")
    delete_orphans: bool = Field(False, description="delete what listing finds to be nobody's; False: report it only")
    most_orphan_share: float = Field(0.2, gt=0, le=1, description="more of a listing being nobody's: none is deleted")
    coaching_answers_days: float = Field(180.0, gt=0, description="how long a model's answer is kept to be used again")
    announced_hours: float = Field(48.0, gt=1, description="an announced video that has not come by then never came")
    most_partitions: int = Field(50_000, ge=1, description="of swings, and of golfers, in Dagster; the oldest retire")
    run_retention_days: float = Field(30.0, gt=0, description="Dagster's runs that ended earlier are deleted")

    openai_api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("GOLF_OPENAI_API_KEY", "OPENAI_API_KEY"), description="None: rules coach"
    )
    openai_base_url: str | None = Field(
        None,
        validation_alias=AliasChoices("GOLF_OPENAI_BASE_URL", "OPENAI_BASE_URL"),
        description="any compatible service; None means OpenAI",
    )
    openai_model: str = "gpt-4.1-mini"
    model_prices: dict[str, tuple[NonNegativeFloat, NonNegativeFloat]] = Field(
        {"gpt-4.1": (2.0, 8.0), "gpt-4.1-mini": (0.4, 1.6), "gpt-4o-mini": (0.15, 0.6)},
        min_length=1,
        description="USD per million tokens in and out; a model that is not listed is billed at the dearest",
    )
    coach_tokens: int = Field(
        6000, gt=0, description="most tokens of one coaching, in and out, all attempts, without key frames"
    )
    coach_usd_per_day: float = Field(20.0, ge=0, description="most USD a day (UTC) for coaching; then rules coach")
    coach_attempts: int = Field(2, ge=1, description="answers asked for; the second time with what was wrong")
    coach_timeout_s: float = Field(30.0, gt=0, description="a call to the model that takes longer is given up")
    coach_retries: int = Field(2, ge=0, description="repeats of a call that the service could not take")
    coach_images: bool = Field(False, description="show key frames to the model as well, at low detail")
    coach_image_tokens: int = Field(6000, ge=0, description="most tokens of one coaching for its key frames, on top")
    coach_frames_per_call: int = Field(6, gt=0, description="key frames in one call to the model")
    model_image_tokens: dict[str, NonNegativeInt] = Field(
        {"gpt-4.1": 85, "gpt-4.1-mini": 182, "gpt-4o-mini": 2833},
        min_length=1,
        description="tokens of a key frame of 256x448 at low detail; a model that is not listed counts as the dearest",
    )

    chat_message_characters: int = Field(1000, ge=1, description="longest message of a golfer")
    chat_requests_per_user_hour: int = Field(15, ge=1, description="messages of one user (of guests: one address)")
    chat_tokens: int = Field(1500, ge=0, description="most tokens of one chat request, all calls, answers included")
    chat_usd_per_user_day: float = Field(
        5.0, ge=0, description="most USD a day (UTC) for one golfer's chat; then rules"
    )
    chat_usd_per_day: float = Field(100.0, ge=0, description="most USD a day (UTC) for everybody's chat; then rules")
    chat_timeout_s: float = Field(15.0, gt=0, description="a call to the model that takes longer is given up")
    chat_retries: int = Field(1, ge=0, description="repeats of a call that the service could not take")
    chat_breaker_failures: int = Field(5, ge=1, description="failed calls in a row after which the model is left alone")
    chat_breaker_reset_s: float = Field(30.0, gt=0, description="for so long")
    chat_compress_after: int = Field(40, ge=4, description="messages after which older ones are folded into a summary")
    chat_kept_messages: int = Field(12, ge=2, description="messages that are kept word for word then")
    chat_archive_days: float = Field(
        180.0, gt=0, description="a conversation without a message for so long is archived; the next begins a new one"
    )

    @field_validator("openai_api_key", "openai_base_url", "alarm_webhook_url", "alarm_topic_arn", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        # A secret that is mounted as a file ends with a line break, which no header may hold.
        return (value.strip() or None) if isinstance(value, str) else value

    @field_validator("alarm_webhook_url")
    @classmethod
    def _is_a_webhook(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("https://", "http://")):
            raise ValueError("give the whole address, such as https://hooks.example.com/...")
        return value

    @field_validator("openai_base_url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                TypeAdapter(HttpUrl).validate_python(value)
            except ValidationError as error:
                raise ValueError("give the address up to /v1, such as http://127.0.0.1:11434/v1") from error
        return value


@lru_cache
def get_settings() -> Settings:
    """The process's settings, read once."""
    return Settings()
