"""The two policies: all that the code calls is allowed, and nothing else.

What is called is read from the source: a new call to S3 or SQS fails here until somebody has said which permission it
needs and who has it. Whether a policy allows something is asked of moto's reading of IAM.
"""

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import xform_name
from moto.iam.access_control import IAMPolicy, PermissionResult

import golf_pipeline
from golf_pipeline.storage import keys
from golf_pipeline_tests.deploy.conftest import ACCOUNT, REGION, Create, CreatedStack

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning")

PACKAGE = Path(golf_pipeline.__file__).parent
LAYERS = ("api", "coach", "orchestration", "storage", "swing")
"""What is deployed; `local` and `benchmarks` talk to the embedded AWS."""

OUR_OWN = {"list_objects"}
"""Methods of `ObjectStore` that boto3 has a call of the same name for."""

NEEDS = {
    "head_bucket": {"s3:ListBucket"},
    "list_multipart_uploads": {"s3:ListBucketMultipartUploads"},
    "list_objects_v2": {"s3:ListBucket"},
    "head_object": {"s3:GetObject"},
    "get_object": {"s3:GetObject"},
    "put_object": {"s3:PutObject"},
    "create_multipart_upload": {"s3:PutObject"},
    "upload_part": {"s3:PutObject"},
    "complete_multipart_upload": {"s3:PutObject"},
    "abort_multipart_upload": {"s3:AbortMultipartUpload"},
    "delete_objects": {"s3:DeleteObject"},
    "send_message": {"sqs:SendMessage"},
    "receive_message": {"sqs:ReceiveMessage"},
    "delete_message": {"sqs:DeleteMessage"},
    "delete_message_batch": {"sqs:DeleteMessage"},
    "change_message_visibility_batch": {"sqs:ChangeMessageVisibility"},
    "get_queue_attributes": {"sqs:GetQueueAttributes"},
    "get_queue_url": {"sqs:GetQueueUrl"},
    "publish": {"sns:Publish"},
}
"""Calls of boto3 -> the permissions that AWS asks for."""

NEEDS_OF_WHOLE_OBJECTS = {"get": {"s3:GetObject"}, "put": {"s3:PutObject"}, "copy": {"s3:GetObject", "s3:PutObject"}}
"""The same for obstore's calls, which are made in one module."""

UPLOADS = [keys.upload_key("ann", "monday", extension) for extension in keys.VIDEO_EXTENSIONS]
RESULT = keys.output_key("ann", "monday", "result", "1", "result.json")
FRAME = keys.frame_key("ann", "monday", "frame_001_Frame_at_0.10s.jpg")
PROFILE = keys.profile_key("ann", "1")
CONTEXT = keys.user_context_key("ann")
ANSWER = keys.answer_key("0123456789abcdef")
QUEUE, DEAD_LETTERS, BUCKET, TOPIC = "queue", "dead letters", "bucket", "topic"

API = {
    "s3:ListBucket": [BUCKET],
    "s3:GetObject": [*UPLOADS, RESULT, FRAME, PROFILE, CONTEXT],
    "s3:PutObject": [*UPLOADS, CONTEXT],
    "s3:AbortMultipartUpload": UPLOADS,
    "s3:DeleteObject": [*UPLOADS, RESULT, FRAME, PROFILE],
    "sqs:SendMessage": [QUEUE],
    "sqs:GetQueueAttributes": [QUEUE, DEAD_LETTERS],
    "sqs:GetQueueUrl": [DEAD_LETTERS],
}
PIPELINE = {
    "s3:ListBucket": [BUCKET],
    "s3:GetObject": [*UPLOADS, RESULT, FRAME, PROFILE, CONTEXT, ANSWER],
    "s3:PutObject": [RESULT, FRAME, PROFILE, ANSWER],
    "s3:DeleteObject": [*UPLOADS, RESULT, FRAME, PROFILE, ANSWER],
    "s3:ListBucketMultipartUploads": [BUCKET],
    "s3:AbortMultipartUpload": UPLOADS,
    "sqs:ReceiveMessage": [QUEUE, DEAD_LETTERS],
    "sqs:DeleteMessage": [QUEUE, DEAD_LETTERS],
    "sqs:ChangeMessageVisibility": [DEAD_LETTERS],
    "sqs:GetQueueUrl": [DEAD_LETTERS],
    "sqs:GetQueueAttributes": [QUEUE, DEAD_LETTERS],
    "sqs:SendMessage": [QUEUE],
    "sns:Publish": [TOPIC],
}

NOT_FOR_API = {
    "s3:GetObject": [ANSWER, "secret.txt"],
    "s3:PutObject": [RESULT, FRAME, PROFILE, ANSWER, "golf-profiles/ann.mp4"],
    "s3:DeleteObject": [ANSWER, BUCKET],
    "s3:DeleteBucket": [BUCKET],
    "s3:PutBucketPolicy": [BUCKET],
    "sqs:SendMessage": [DEAD_LETTERS],
    "sqs:ReceiveMessage": [QUEUE],
    "sqs:DeleteMessage": [QUEUE],
    "sqs:PurgeQueue": [QUEUE],
    "sns:Publish": [TOPIC],
}
NOT_FOR_PIPELINE = {
    "s3:GetObject": ["secret.txt"],
    "s3:PutObject": ["other/object"],
    "s3:DeleteObject": [BUCKET, "secret.txt"],
    "s3:DeleteBucket": [BUCKET],
    "s3:PutLifecycleConfiguration": [BUCKET],
    "s3:AbortMultipartUpload": [RESULT],
    "sqs:SendMessage": [DEAD_LETTERS],
    "sqs:ChangeMessageVisibility": [QUEUE],
    "sqs:PurgeQueue": [QUEUE, DEAD_LETTERS],
    "sns:Subscribe": [TOPIC],
    "sns:DeleteTopic": [TOPIC],
}

SHARES = [("ApiPolicyArn", API, NOT_FOR_API), ("PipelinePolicyArn", PIPELINE, NOT_FOR_PIPELINE)]
of_each = pytest.mark.parametrize(("output", "needed", "denied"), SHARES, ids=["api", "pipeline"])


@pytest.fixture
def stack(create: Create) -> CreatedStack:
    return create()


def arn(bucket: str, thing: str) -> str:
    """The ARN of a thing of the stack: its bucket, a queue of its, or else the object of that key."""
    queues = {QUEUE: f"{bucket}-uploads", DEAD_LETTERS: f"{bucket}-uploads-dead-letters"}
    if thing in queues:
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queues[thing]}"
    if thing == TOPIC:
        return f"arn:aws:sns:{REGION}:{ACCOUNT}:{bucket}-alarms"
    return f"arn:aws:s3:::{bucket}" if thing == BUCKET else f"arn:aws:s3:::{bucket}/{thing}"


def allows(policy: dict[str, Any], action: str, resource: str) -> bool:
    return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource) == PermissionResult.PERMITTED


def statements(policy: dict[str, Any]) -> Iterator[tuple[list[str], list[str]]]:
    """Actions and resources of each statement."""
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        yield _listed(statement["Action"]), _listed(statement["Resource"])


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def aws_calls(source: str) -> set[str]:
    """The calls of AWS in a module: methods of a client, and names given to `get_paginator` and to presign."""
    tree = ast.parse(source)
    named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            first = node.args[0]
            if node.func.attr in {"get_paginator", "generate_presigned_url"} and isinstance(first, ast.Constant):
                named.add(str(first.value))
    return (named & known_calls()) - OUR_OWN


@cache
def known_calls() -> frozenset[str]:
    """All calls that boto3 has for S3, SQS and SNS, with those it adds by itself."""
    added = {"upload_file", "upload_fileobj", "download_file", "download_fileobj"}
    for service in ("s3", "sqs", "sns"):
        model = boto3.session.Session()._session.get_service_model(service)
        added |= {xform_name(name) for name in model.operation_names}
    return frozenset(added)


def test_every_call_to_aws_in_the_deployed_code_has_its_permission_named() -> None:
    layers = [path for layer in LAYERS for path in sorted((PACKAGE / layer).rglob("*.py"))]
    modules = [*layers, *sorted(PACKAGE.glob("*.py"))]
    called = set().union(*(aws_calls(path.read_text(encoding="utf-8")) for path in modules))
    assert called == set(NEEDS)
    assert set().union(*NEEDS.values()) == set(API) | set(PIPELINE)


def test_every_call_of_the_fast_client_has_its_permission_named() -> None:
    tree = ast.parse((PACKAGE / "storage" / "whole_objects.py").read_text(encoding="utf-8"))
    called = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self._store"
    }
    assert called == set(NEEDS_OF_WHOLE_OBJECTS)
    assert set().union(*NEEDS_OF_WHOLE_OBJECTS.values()) <= set(API) & set(PIPELINE)


def test_a_call_that_is_new_would_be_seen() -> None:
    assert aws_calls("queue.change_message_visibility(QueueUrl=url)") == {"change_message_visibility"}
    assert aws_calls("client.get_paginator('list_object_versions')") == {"list_object_versions"}


@of_each
def test_all_that_the_process_does_is_allowed(
    stack: CreatedStack, output: str, needed: dict[str, list[str]], denied: dict[str, list[str]]
) -> None:
    policy = stack.policy(output)
    for action, things in needed.items():
        for thing in things:
            assert allows(policy, action, arn(stack.bucket, thing)), (action, thing)
    for action, things in denied.items():
        for thing in things:
            assert not allows(policy, action, arn(stack.bucket, thing)), (action, thing)


@of_each
def test_nothing_broader_is_allowed(
    stack: CreatedStack, output: str, needed: dict[str, list[str]], denied: dict[str, list[str]]
) -> None:
    del denied
    policy = stack.policy(output)
    assert {action for actions, _ in statements(policy) for action in actions} == set(needed)
    for actions, resources in statements(policy):
        for resource in resources:
            uses = [arn(stack.bucket, thing) for action in actions for thing in needed[action]]
            assert any(allows({"Statement": [_only(resource)]}, "any", used) for used in uses), f"{resource} is unused"
            assert resource not in {"*", f"arn:aws:s3:::{stack.bucket}/*"}
    for action in needed:
        for elsewhere in ("another-bucket", stack.bucket + "x"):
            things = [BUCKET, QUEUE, DEAD_LETTERS, TOPIC, *UPLOADS, RESULT, PROFILE]
            assert not any(allows(policy, action, arn(elsewhere, thing)) for thing in things), (action, elsewhere)


def _only(resource: str) -> dict[str, str]:
    return {"Effect": "Allow", "Action": "any", "Resource": resource}


def test_one_machine_gets_both_policies_and_reads_only_its_secrets(create: Create) -> None:
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:golf/catalog-AbCdEf"
    stack = create(RunsOn="ec2", SecretArns=secret)
    made = {name for name, _ in stack.outputs.items()}
    assert "MachineProfile" in made
    assert "ApiTaskRoleArn" not in made
    role = stack.properties("MachineRole")
    assert sorted(role["ManagedPolicyArns"]) == sorted(
        stack.outputs[name][1] for name in ("ApiPolicyArn", "PipelinePolicyArn")
    )
    [statement] = stack.properties("MachineReadsSecretsPolicy")["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("secretsmanager:GetSecretValue", [secret])


def test_on_ecs_each_task_has_a_role_with_its_own_policy_alone(create: Create) -> None:
    stack = create(RunsOn="ecs")
    assert "MachineProfile" not in stack.outputs
    for resource, policy in (("ApiTaskRole", "ApiPolicyArn"), ("PipelineTaskRole", "PipelinePolicyArn")):
        role = stack.properties(resource)
        assert role["ManagedPolicyArns"] == [stack.outputs[policy][1]]
        [trust] = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
        assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
