"""Every environment variable of the pipeline, typed, in one place. Nothing else reads the environment.

All names carry the prefix `GOLF_`: `GOLF_BUCKET`, `GOLF_CATALOG_URL`, ... AWS credentials are boto3's own business.
"""

from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="GOLF_", extra="ignore", frozen=True)

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

    presigned_put_expires_s: int = 900
    presigned_get_expires_s: int = 3600
    api_url: str = Field(
        "http://127.0.0.1:8000", description="where clients reach the API; links in the Dagster UI start with it"
    )
    api_host: str = Field("127.0.0.1", description="address that the API listens on; 0.0.0.0 in a container")
    api_port: int = 8000
    cors_origins: tuple[str, ...] = ()
    trusted_user_header: str | None = Field(
        None,
        description="header in which a gateway that has authenticated the caller names the user; None: all are guests",
    )

    open_results: bool = Field(
        False,
        description="whoever knows an analysis id may read it, also a named user's: for the local stack only",
    )

    queue_visibility_s: int = 120
    dispatch_cap: int = Field(50, description="most swings handed to runs in one tick")
    batch_backlog: int = Field(20, description="from this many waiting swings on, one run carries many")
    batch_size: int = Field(10, description="swings in one batch run")

    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_model: str = "gpt-4.1-mini"
    model_prices: dict[str, tuple[float, float]] = Field(
        {"gpt-4.1": (2.0, 8.0), "gpt-4.1-mini": (0.4, 1.6), "gpt-4o-mini": (0.15, 0.6)},
        description="USD per million tokens in and out; a model that is not listed is billed at the dearest",
    )


@lru_cache
def get_settings() -> Settings:
    """The process's settings, read once."""
    return Settings()
