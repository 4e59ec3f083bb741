"""The stack of `deploy/cloudformation`, created in an embedded AWS that is reached over HTTP."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from cfnlint.decode import cfn_yaml
from sqlalchemy import make_url

import golf_pipeline
from golf_pipeline_tests.databases import new_database
from golf_pipeline_tests.storage.conftest import postgres_url, s3_url

__all__ = ["postgres_url", "s3_url"]

DEPLOY = Path(golf_pipeline.__file__).resolve().parents[1] / "deploy"
TEMPLATE = DEPLOY / "cloudformation" / "golf-pipeline.yaml"
REGION = "eu-west-1"
ACCOUNT = "123456789012"


@dataclass
class CreatedStack:
    """A stack and what moto, the embedded AWS, made of it."""

    name: str
    url: str
    bucket: str

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.url, region_name=REGION)

    @property
    def outputs(self) -> dict[str, tuple[str, str]]:
        """Key of an output -> its description and value."""
        [stack] = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        return {one["OutputKey"]: (one["Description"], one["OutputValue"]) for one in stack["Outputs"]}

    def properties(self, resource: str) -> dict[str, Any]:
        """The properties of a resource of the template, its functions resolved by moto."""
        from moto.cloudformation.models import cloudformation_backends
        from moto.cloudformation.parsing import clean_json

        backend = cloudformation_backends[ACCOUNT][REGION]
        [stack] = [one for one in backend.stacks.values() if one.name == self.name]
        cleaned: dict[str, Any] = clean_json(template()["Resources"][resource]["Properties"], stack.resource_map)
        return cleaned

    def policy(self, output: str) -> dict[str, Any]:
        """The document of a managed policy that IAM holds."""
        iam, arn = self.client("iam"), self.outputs[output][1]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document: dict[str, Any] = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        return document

    def complete(self) -> None:
        """Hand AWS what moto leaves out of a stack, by the services' own calls: what it refuses there is wrong here.

        All but the bucket's policy: moto does not read conditions, and would refuse everything to everybody.
        """
        s3, sqs, bucket = self.client("s3"), self.client("sqs"), self.properties("Bucket")
        queue_policy = self.properties("UploadQueuePolicy")
        for queue in queue_policy["Queues"]:
            sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(queue_policy["PolicyDocument"])})
        s3.put_public_access_block(
            Bucket=self.bucket, PublicAccessBlockConfiguration=bucket["PublicAccessBlockConfiguration"]
        )
        s3.put_bucket_lifecycle_configuration(
            Bucket=self.bucket, LifecycleConfiguration={"Rules": [_lifecycle(rule) for rule in _given(bucket)]}
        )
        if "CorsConfiguration" in bucket:
            rules = [_cors(rule) for rule in bucket["CorsConfiguration"]["CorsRules"]]
            s3.put_bucket_cors(Bucket=self.bucket, CORSConfiguration={"CORSRules": rules})
        if self.properties("AlarmSubscription")["Endpoint"]:
            self.client("sns").subscribe(**self.properties("AlarmSubscription"))
        queues = [_notification(one) for one in bucket["NotificationConfiguration"]["QueueConfigurations"]]
        s3.put_bucket_notification_configuration(
            Bucket=self.bucket, NotificationConfiguration={"QueueConfigurations": queues}
        )


def template() -> dict[str, Any]:
    """The template as read, its functions in their long form."""
    loaded: dict[str, Any] = cfn_yaml.load(str(TEMPLATE))
    return loaded


Create = Callable[..., CreatedStack]


@pytest.fixture
def create(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Create:
    """Create the stack with these parameters; its name is the bucket's."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    def create_stack(**parameters: str) -> CreatedStack:
        bucket = f"swings-{uuid4().hex[:12]}"
        given = {"BucketName": bucket} | parameters
        stack = CreatedStack(bucket, s3_url, bucket)
        stack.client("cloudformation").create_stack(
            StackName=stack.name,
            TemplateBody=TEMPLATE.read_text(encoding="utf-8"),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        return stack

    return create_stack


def _given(bucket: dict[str, Any]) -> list[dict[str, Any]]:
    """The lifecycle rules, without those that a condition leaves out."""
    return [rule for rule in bucket["LifecycleConfiguration"]["Rules"] if isinstance(rule, dict) and "Id" in rule]


def _lifecycle(rule: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {"ID": rule["Id"], "Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "ExpirationInDays" in rule:
        given["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    if "AbortIncompleteMultipartUpload" in rule:
        days = int(rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"])
        given["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": days}
    return given


def _cors(rule: dict[str, Any]) -> dict[str, Any]:
    names = {"ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds"}
    return {names.get(key, key): value for key, value in rule.items()}


def _notification(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "QueueArn": one["Queue"],
        "Events": [one["Event"]],
        "Filter": {"Key": {"FilterRules": one["Filter"]["S3Key"]["Rules"]}},
    }


@pytest.fixture
def database_environment(postgres_url: str) -> Iterator[dict[str, str]]:
    """The variables by which the parts of compose.yaml find PostgreSQL: two empty databases, reached over TCP."""
    socket_file = Path(str(make_url(postgres_url).query["host"])) / ".s.PGSQL.5432"
    with ExitStack() as stack:
        catalog = make_url(new_database(postgres_url))
        history = make_url(new_database(postgres_url))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = listener.getsockname()[1]
        threading.Thread(target=_forward, args=(listener, socket_file), daemon=True).start()
        over_tcp = catalog.set(host="127.0.0.1", port=port, query={})
        yield {
            "DAGSTER_PG_HOST": "127.0.0.1",
            "DAGSTER_PG_PORT": str(port),
            "DAGSTER_PG_USERNAME": history.username or "",
            "DAGSTER_PG_PASSWORD": "not-asked-for",
            "DAGSTER_PG_DB": history.database or "",
            "GOLF_CATALOG_URL": over_tcp.render_as_string(hide_password=False),
        }


def _forward(listener: socket.socket, socket_file: Path) -> None:
    """Pass each connection on to the server of the tests, which listens on a socket file only."""
    while True:
        try:
            incoming, _ = listener.accept()
        except OSError:  # the fixture has closed it
            return
        outgoing = socket.socket(socket.AF_UNIX)
        outgoing.connect(str(socket_file))
        for source, target in ((incoming, outgoing), (outgoing, incoming)):
            threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:  # the other side is gone
        source.close()
        target.close()
