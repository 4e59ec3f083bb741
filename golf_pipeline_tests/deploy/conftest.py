"""The stack of `deploy/cloudformation`, created in an embedded AWS that is reached over HTTP."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from cfnlint.decode import cfn_yaml

import golf_pipeline
from golf_pipeline_tests.storage.conftest import postgres_url, s3_url

__all__ = ["postgres_url", "s3_url"]

DEPLOY = Path(golf_pipeline.__file__).resolve().parents[1] / "deploy"
TEMPLATE = DEPLOY / "cloudformation" / "golf-pipeline.yaml"
REGION = "eu-west-1"
ACCOUNT = "123456789012"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:operators"


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
        given = {"BucketName": bucket, "AlarmTopicArn": TOPIC} | parameters
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
