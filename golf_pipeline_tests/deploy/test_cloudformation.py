"""The template: without a finding, created in an embedded AWS, and then used as the pipeline uses it.

moto makes the bucket, the queues, the policies and the roles of a stack, and leaves out the bucket's notification,
CORS, lifecycle and policy, the queue's policy and the alarms. Those are handed to it by the services' own calls, with
the values of the template (`CreatedStack.complete`).
"""

import json
import logging
import time
from pathlib import Path

import httpx
import pytest
from cfnlint.api import lint_file

from golf_pipeline.orchestration.ingest import drain_queue
from golf_pipeline.settings import Settings
from golf_pipeline.storage import keys
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.queue import UploadQueue
from golf_pipeline.storage.records import Status
from golf_pipeline_tests.deploy.conftest import ACCOUNT, REGION, TEMPLATE, Create, CreatedStack, template

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning")

LOG = logging.getLogger(__name__)
WEB_APP = "https://app.example.com,https://beta.example.com"


@pytest.fixture
def stack(create: Create) -> CreatedStack:
    stack = create(CorsOrigins=WEB_APP, VideoRetentionDays="365", AlarmEmail="operators@example.com")
    stack.complete()
    return stack


def settings_of(stack: CreatedStack) -> Settings:
    """The settings that the outputs make, as an operator copies them."""
    given = {name: value for name, value in stack.outputs.values() if name.startswith("GOLF_")}
    with pytest.MonkeyPatch.context() as environment:
        for name, value in given.items():
            environment.setenv(name, value)
        return Settings()


def test_the_template_has_no_finding() -> None:
    from cfnlint.config import ManualArgs

    findings = lint_file(TEMPLATE, config=ManualArgs(include_checks=["I"], regions=[REGION, "us-east-1"]))
    assert [str(finding) for finding in findings] == []


def test_every_output_that_names_a_setting_becomes_that_setting(stack: CreatedStack) -> None:
    settings = settings_of(stack)
    named = {name for name, _ in stack.outputs.values() if name.startswith("GOLF_")}
    assert {name.removeprefix("GOLF_").lower() for name in named} <= set(Settings.model_fields)
    assert (settings.bucket, settings.region, settings.queue_visibility_s) == (stack.bucket, REGION, 120)
    assert settings.queue_url is not None
    assert settings.queue_url.endswith(f"/{ACCOUNT}/{stack.bucket}-uploads")
    assert settings.cors_origins == ("https://app.example.com", "https://beta.example.com")
    assert (settings.video_retention_days, settings.coaching_answers_days) == (365, 180)
    assert settings.alarm_topic_arn == f"arn:aws:sns:{REGION}:{ACCOUNT}:{stack.bucket}-alarms"


def test_the_parameters_that_are_settings_have_their_defaults() -> None:
    parameters = template()["Parameters"]
    for parameter, setting in (
        ("QueueVisibilitySeconds", "queue_visibility_s"),
        ("CoachingAnswersDays", "coaching_answers_days"),
    ):
        assert parameters[parameter]["Default"] == Settings.model_fields[setting].default
    assert (parameters["VideoRetentionDays"]["Default"], Settings.model_fields["video_retention_days"].default) == (
        0,
        None,
    ), "kept"
    for parameter in parameters.values():
        setting = parameter["Description"].split(".")[0]
        if setting.startswith("GOLF_"):
            assert setting.removeprefix("GOLF_").lower() in Settings.model_fields


def test_an_upload_through_a_signed_url_arrives_in_the_queue_and_in_the_catalog(
    stack: CreatedStack, tmp_path: Path
) -> None:
    settings = settings_of(stack)
    store = ObjectStore.connect(settings.bucket, stack.url, settings.region)
    catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    catalog.migrate()
    url = store.presign_put("golf-swings/ann/monday.MOV", "video/quicktime", 5, 60)
    assert httpx.put(url, content=b"video", headers={"Content-Type": "video/quicktime"}).status_code == 200
    store.put_bytes("golf-profiles/ann/1/swing_profile.json", b"{}", "application/json")

    queue_url = settings.queue_url or ""
    counts = drain_queue(stack.client("sqs"), queue_url, catalog, settings.bucket, time.monotonic(), LOG)
    assert counts.outcomes == {"new": 1}, "S3's test event and the upload; profiles are not announced"
    record = catalog.get("monday")
    assert record is not None
    assert (record.user_id, record.status, record.size_bytes) == ("ann", Status.STARTED, 5)
    assert "Messages" not in stack.client("sqs").receive_message(QueueUrl=queue_url, WaitTimeSeconds=0)


def test_an_upload_that_the_api_announces_arrives_in_the_same_queue(stack: CreatedStack, tmp_path: Path) -> None:
    settings = settings_of(stack)
    store = ObjectStore.connect(settings.bucket, stack.url, settings.region)
    catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    catalog.migrate()
    store.put_bytes("golf-swings/ann/tuesday.mp4", b"video", "video/mp4")
    queue = UploadQueue.from_settings(settings.model_copy(update={"sqs_endpoint_url": stack.url}))
    assert queue is not None
    queue.send_object_created(settings.bucket, store.head("golf-swings/ann/tuesday.mp4"))
    counts = drain_queue(stack.client("sqs"), settings.queue_url or "", catalog, stack.bucket, time.monotonic(), LOG)
    assert counts.outcomes == {"new": 1, "known": 1}


def test_a_message_that_is_received_three_times_ends_in_the_dead_letter_queue(stack: CreatedStack) -> None:
    sqs, uploads = stack.client("sqs"), stack.outputs["QueueUrl"][1]
    sqs.purge_queue(QueueUrl=uploads)  # S3's test event
    sqs.send_message(QueueUrl=uploads, MessageBody="not a notification")
    for _ in range(3):
        [message] = sqs.receive_message(QueueUrl=uploads, VisibilityTimeout=0, WaitTimeSeconds=0)["Messages"]
        assert message["Body"] == "not a notification"
    assert "Messages" not in sqs.receive_message(QueueUrl=uploads, VisibilityTimeout=0, WaitTimeSeconds=0)
    [dead] = sqs.receive_message(QueueUrl=stack.outputs["DeadLetterQueueUrl"][1], WaitTimeSeconds=0)["Messages"]
    assert dead["Body"] == "not a notification"


def test_the_queues_have_the_settings_of_the_specification(stack: CreatedStack) -> None:
    sqs, outputs = stack.client("sqs"), stack.outputs
    read = {
        name: sqs.get_queue_attributes(QueueUrl=outputs[name][1], AttributeNames=["All"])["Attributes"]
        for name in ("QueueUrl", "DeadLetterQueueUrl")
    }
    for attributes in read.values():
        assert int(attributes["MessageRetentionPeriod"]) == 14 * 24 * 3600
        assert int(attributes["ReceiveMessageWaitTimeSeconds"]) == 20
        assert attributes["SqsManagedSseEnabled"] == "true"
    uploads, dead_letters = read["QueueUrl"], read["DeadLetterQueueUrl"]
    assert int(uploads["VisibilityTimeout"]) == Settings.model_fields["queue_visibility_s"].default
    redrive = json.loads(uploads["RedrivePolicy"])
    assert redrive == {"deadLetterTargetArn": dead_letters["QueueArn"], "maxReceiveCount": 3}
    allowed = stack.properties("DeadLetterQueue")["RedriveAllowPolicy"]
    assert allowed == {"redrivePermission": "byQueue", "sourceQueueArns": [uploads["QueueArn"]]}


def test_only_this_bucket_of_this_account_may_send_to_the_queue(stack: CreatedStack) -> None:
    [statement] = stack.properties("UploadQueuePolicy")["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sqs:SendMessage")
    assert statement["Resource"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:{stack.bucket}-uploads"
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{stack.bucket}"},
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
    }


def test_the_bucket_is_private_encrypted_and_speaks_tls_only(stack: CreatedStack) -> None:
    s3 = stack.client("s3")
    blocked = s3.get_public_access_block(Bucket=stack.bucket)["PublicAccessBlockConfiguration"]
    assert all(blocked.values())
    assert len(blocked) == 4
    [rule] = s3.get_bucket_encryption(Bucket=stack.bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    policy = stack.properties("BucketPolicy")
    s3.put_bucket_policy(Bucket=policy["Bucket"], Policy=json.dumps(policy["PolicyDocument"]))
    [statement] = json.loads(s3.get_bucket_policy(Bucket=stack.bucket)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Principal"]) == ("Deny", "s3:*", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [f"arn:aws:s3:::{stack.bucket}", f"arn:aws:s3:::{stack.bucket}/*"]
    bucket = template()["Resources"]["Bucket"]
    assert "VersioningConfiguration" not in bucket["Properties"], "a deleted swing would stay as an older version"
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"


def test_what_the_pipeline_deletes_by_its_catalog_s3_does_not_delete_behind_it(stack: CreatedStack) -> None:
    rules = stack.client("s3").get_bucket_lifecycle_configuration(Bucket=stack.bucket)["Rules"]
    expiring = {rule["Filter"]["Prefix"]: rule["Expiration"]["Days"] for rule in rules if "Expiration" in rule}
    assert expiring == {keys.ANSWERS_PREFIX: settings_of(stack).coaching_answers_days}
    [aborting] = [rule for rule in rules if "AbortIncompleteMultipartUpload" in rule]
    assert aborting["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert aborting["Filter"] == {"Prefix": ""}


def test_without_a_retention_videos_are_kept_and_without_a_web_app_there_is_no_cors(create: Create) -> None:
    stack = create()
    assert settings_of(stack).video_retention_days is None
    assert "CorsConfiguration" not in stack.properties("Bucket")
    assert "CorsOrigins" not in stack.outputs
    assert stack.client("sns").list_subscriptions_by_topic(TopicArn=topic_of(stack))["Subscriptions"] == []


def topic_of(stack: CreatedStack) -> str:
    return stack.outputs["AlarmTopicArn"][1]


def test_the_topic_hears_of_the_alarms_of_this_account_and_tells_the_address(stack: CreatedStack) -> None:
    [told] = stack.client("sns").list_subscriptions_by_topic(TopicArn=topic_of(stack))["Subscriptions"]
    assert (told["Protocol"], told["Endpoint"]) == ("email", "operators@example.com")
    policy = stack.properties("AlarmTopicPolicy")
    assert policy["Topics"] == [topic_of(stack)]
    [statement] = policy["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert (statement["Action"], statement["Resource"]) == ("sns:Publish", topic_of(stack))
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_the_web_app_may_put_and_read_and_nobody_else_from_a_browser(stack: CreatedStack) -> None:
    [rule] = stack.client("s3").get_bucket_cors(Bucket=stack.bucket)["CORSRules"]
    assert rule["AllowedOrigins"] == WEB_APP.split(",")
    assert set(rule["AllowedMethods"]) == {"PUT", "GET"}
    assert rule["AllowedHeaders"] == ["Content-Type"]


def test_the_alarms_are_those_that_aws_sees_by_itself_and_go_to_the_topic(stack: CreatedStack) -> None:
    cloudwatch = stack.client("cloudwatch")
    names = [name for name, one in template()["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"]
    for name in names:
        cloudwatch.put_metric_alarm(AlarmName=f"{stack.name}-{name}", **_typed(stack.properties(name)))
    made = cloudwatch.describe_alarms(AlarmNamePrefix=f"{stack.name}-")["MetricAlarms"]
    seen = {(one["MetricName"], one["Dimensions"][0]["Value"], one["Threshold"]) for one in made}
    assert seen == {
        ("ApproximateNumberOfMessagesVisible", f"{stack.bucket}-uploads", 50),
        ("ApproximateAgeOfOldestMessage", f"{stack.bucket}-uploads", 600),
        ("ApproximateNumberOfMessagesVisible", f"{stack.bucket}-uploads-dead-letters", 0),
    }
    for alarm in made:
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic_of(stack)]
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


def _typed(alarm: dict[str, object]) -> dict[str, object]:
    return alarm | {key: int(str(alarm[key])) for key in ("Period", "EvaluationPeriods", "Threshold")}
