"""The embedded AWS over HTTP: nothing acknowledged is forgotten, and queue and presigned URLs work as AWS's do."""

import hashlib
import json
import signal
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import unquote_plus

import pytest
from botocore.exceptions import ClientError

from golf_pipeline.local.aws import MAX_RECEIVES, RETENTION_S, EmbeddedAws
from golf_pipeline.settings import Settings
from golf_pipeline.storage.object_store import PART_BYTES, ObjectStore
from golf_pipeline_tests.local.conftest import AwsProcess

ENDS = pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
WEIRD_KEYS = (
    "golf-swings/guest/a.mp4",
    "golf-swings/u 1/ümlaut 高尔夫 🏌.MOV",
    "golf-swings/u/percent%2Fplus+amp&hash#question?.mp4",
    "golf-swings/u/../v/./w.mp4",
    "..",
    "/leading//double/trailing/",
    "golf-swings/quote'\"<>\\\x01.mp4",
    "golf-swings/" + "x" * 1000,
)


SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/s3/aws4_request, Signature=any"}
"""Nobody checks it; without one moto takes a request for a stranger's."""


def everything(aws: AwsProcess) -> dict[str, tuple[str, datetime, str, dict[str, str], str]]:
    """Key -> ETag, time, content type, user metadata and body's hash, as a client reads them."""
    found = {}
    for page in aws.s3.get_paginator("list_objects_v2").paginate(Bucket=aws.bucket):
        for entry in page.get("Contents", []):
            got = aws.s3.get_object(Bucket=aws.bucket, Key=entry["Key"])
            assert got["ETag"] == entry["ETag"]
            digest = hashlib.sha256(got["Body"].read()).hexdigest()
            found[entry["Key"]] = (got["ETag"], entry["LastModified"], got["ContentType"], got["Metadata"], digest)
    return found


@ENDS
def test_every_acknowledged_object_survives_with_its_etag_time_and_headers(
    aws: AwsProcess, tmp_path: Path, end: signal.Signals
) -> None:
    for key in WEIRD_KEYS:
        aws.s3.put_object(
            Bucket=aws.bucket, Key=key, Body=key.encode(), ContentType="video/mp4", Metadata={"golfer": "one"}
        )
    big = tmp_path / "big.mov"
    big.write_bytes(bytes(range(256)) * 40_000)
    aws.s3.upload_file(str(big), aws.bucket, "golf-swings/u/big.mov", ExtraArgs={"ContentType": "video/quicktime"})
    aws.s3.copy_object(
        Bucket=aws.bucket, Key="copy.mov", CopySource={"Bucket": aws.bucket, "Key": "golf-swings/u/big.mov"}
    )
    before = everything(aws)
    assert set(before) == {*WEIRD_KEYS, "golf-swings/u/big.mov", "copy.mov"}
    assert before["golf-swings/u/big.mov"][0].endswith('-2"'), "uploaded in two parts"
    assert before["copy.mov"][4] == hashlib.sha256(big.read_bytes()).hexdigest()

    aws.restart_after(end)

    assert everything(aws) == before


def test_overwritten_and_deleted_objects_stay_so(aws: AwsProcess) -> None:
    for key in ("kept", "gone", "gone-in-bulk", "back"):
        aws.s3.put_object(Bucket=aws.bucket, Key=key, Body=b"first")
    aws.s3.put_object(Bucket=aws.bucket, Key="kept", Body=b"second", ContentType="text/plain")
    aws.s3.delete_object(Bucket=aws.bucket, Key="gone")
    aws.s3.delete_objects(Bucket=aws.bucket, Delete={"Objects": [{"Key": "gone-in-bulk"}, {"Key": "never-there"}]})
    aws.s3.delete_object(Bucket=aws.bucket, Key="back")
    aws.s3.put_object(Bucket=aws.bucket, Key="back", Body=b"again")

    aws.restart_after(signal.SIGKILL)

    bodies = {key: aws.s3.get_object(Bucket=aws.bucket, Key=key)["Body"].read() for key in everything(aws)}
    assert bodies == {"kept": b"second", "back": b"again"}
    files = list(aws.config.folder.glob("objects/*/*"))
    assert len(files) == 2, "no body is left of what was overwritten or deleted"


def test_an_object_restored_once_can_be_overwritten_copied_and_restored_again(aws: AwsProcess) -> None:
    aws.s3.put_object(Bucket=aws.bucket, Key="a", Body=b"1")
    aws.restart_after(signal.SIGKILL)
    aws.s3.copy_object(Bucket=aws.bucket, Key="b", CopySource={"Bucket": aws.bucket, "Key": "a"})
    aws.s3.put_object(Bucket=aws.bucket, Key="a", Body=b"2")
    aws.restart_after(signal.SIGKILL)
    assert aws.s3.get_object(Bucket=aws.bucket, Key="a")["Body"].read() == b"2"
    assert aws.s3.get_object(Bucket=aws.bucket, Key="b")["Body"].read() == b"1"


def test_a_body_without_an_index_row_is_swept_and_a_row_without_its_body_is_left_out(aws: AwsProcess) -> None:
    aws.s3.put_object(Bucket=aws.bucket, Key="whole", Body=b"whole")
    aws.s3.put_object(Bucket=aws.bucket, Key="robbed", Body=b"robbed")
    aws.end(signal.SIGKILL)
    [robbed] = [path for path in aws.config.folder.glob("objects/*/*") if path.read_bytes() == b"robbed"]
    robbed.unlink()
    orphan = robbed.with_name("left-over")
    orphan.write_bytes(b"half of an upload that was never acknowledged")
    aws.start()
    assert set(everything(aws)) == {"whole"}
    assert not orphan.exists()


def test_many_writers_to_the_same_keys_leave_what_a_restart_shows_again(aws: AwsProcess) -> None:
    def put(number: int) -> None:
        key = f"golf-swings/u/{number % 5}"
        if number % 7 == 6:
            aws.s3.delete_object(Bucket=aws.bucket, Key=key)
        else:
            aws.s3.put_object(Bucket=aws.bucket, Key=key, Body=f"{number}".encode() * 1000)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(100)))
    before = everything(aws)
    aws.restart_after(signal.SIGKILL)
    assert everything(aws) == before


def test_messages_survive_and_a_restore_sends_none(aws: AwsProcess) -> None:
    for name in ("a", "b", "c"):
        aws.s3.put_object(Bucket=aws.bucket, Key=f"golf-swings/u/{name}.mp4", Body=b"x")
    [first] = aws.sqs.receive_message(QueueUrl=aws.config.queue_url, MaxNumberOfMessages=1)["Messages"]
    aws.sqs.delete_message(QueueUrl=aws.config.queue_url, ReceiptHandle=first["ReceiptHandle"])
    aws.restart_after(signal.SIGKILL)
    assert len(aws.drain()) == 2, "the deleted one stays deleted, the others come once each"
    aws.restart_after(signal.SIGKILL)
    assert aws.drain() == [], "objects are restored silently"


def test_a_hundred_megabytes_go_in_and_out(aws: AwsProcess) -> None:
    body = bytes(1024 * 1024) * 100
    aws.s3.put_object(Bucket=aws.bucket, Key="huge.mp4", Body=body)
    assert aws.s3.get_object(Bucket=aws.bucket, Key="huge.mp4")["Body"].read() == body
    aws.s3.delete_object(Bucket=aws.bucket, Key="huge.mp4")


def test_a_presigned_put_stores_the_object_and_its_event_names_it(aws: AwsProcess) -> None:
    key = "golf-swings/demo golfer/swing+1.mp4"
    url = aws.s3.generate_presigned_url(
        "put_object", Params={"Bucket": aws.bucket, "Key": key, "ContentType": "video/mp4"}, ExpiresIn=60
    )
    request = urllib.request.Request(url, b"video", {"Content-Type": "video/mp4"}, method="PUT")
    with urllib.request.urlopen(request) as answer:
        etag = answer.headers["ETag"]
    [body] = aws.drain()
    [record] = json.loads(body)["Records"]
    assert record["eventName"] == "ObjectCreated:Put"
    assert unquote_plus(record["s3"]["object"]["key"]) == key
    assert record["s3"]["object"]["eTag"] == etag.strip('"')
    assert record["s3"]["object"]["size"] == len(b"video")


def test_an_upload_in_parts_is_announced_whole_and_survives_and_an_aborted_one_leaves_nothing(
    aws: AwsProcess, store: ObjectStore
) -> None:
    body = bytes(range(256)) * (2 * PART_BYTES // 256 + 9)
    whole, aborted = (store.stream(f"golf-swings/u/{name}.mov", "video/quicktime") for name in ("whole", "aborted"))
    for upload in (whole, aborted):
        upload.write(body)
    assert aws.drain() == [], "parts are no object"
    whole.complete()
    aborted.abort()
    records = [record for message in aws.drain() for record in json.loads(message)["Records"]]
    # moto announces it as a Put as well, which AWS does not; registering the same object again changes nothing.
    assert "ObjectCreated:CompleteMultipartUpload" in {record["eventName"] for record in records}
    etag = store.head("golf-swings/u/whole.mov").etag
    for told in (record["s3"]["object"] for record in records):
        assert (unquote_plus(told["key"]), told["size"], told["eTag"]) == ("golf-swings/u/whole.mov", len(body), etag)
    aws.restart_after(signal.SIGKILL)
    assert [found.key for found in store.list_objects("")] == ["golf-swings/u/whole.mov"]
    assert store.get_bytes("golf-swings/u/whole.mov") == body
    assert aws.s3.list_multipart_uploads(Bucket=aws.bucket).get("Uploads", []) == []
    assert aws.drain() == []


def test_only_the_upload_prefix_is_announced(aws: AwsProcess) -> None:
    aws.s3.put_object(Bucket=aws.bucket, Key="golf-profiles/u/1/swing_profile.json", Body=b"{}")
    assert aws.drain() == []


def test_a_message_received_three_times_goes_to_the_dead_letters_and_stays_there(aws: AwsProcess) -> None:
    aws.sqs.send_message(QueueUrl=aws.config.queue_url, MessageBody="poison")
    for _ in range(MAX_RECEIVES):
        [message] = aws.sqs.receive_message(QueueUrl=aws.config.queue_url, WaitTimeSeconds=3)["Messages"]
        assert message["Body"] == "poison"
    assert "Messages" not in aws.sqs.receive_message(QueueUrl=aws.config.queue_url, WaitTimeSeconds=3)
    aws.restart_after(signal.SIGKILL)
    assert aws.drain() == []
    assert aws.drain(aws.config.dead_letter_queue_url) == ["poison"]


def test_the_queue_has_the_settings_of_the_specification(aws: AwsProcess) -> None:
    attributes = aws.sqs.get_queue_attributes(QueueUrl=aws.config.queue_url, AttributeNames=["All"])["Attributes"]
    assert int(attributes["MessageRetentionPeriod"]) == RETENTION_S == 14 * 86400
    assert int(attributes["ReceiveMessageWaitTimeSeconds"]) == 20
    assert int(attributes["VisibilityTimeout"]) == aws.config.visibility_s
    redrive = json.loads(attributes["RedrivePolicy"])
    assert redrive["maxReceiveCount"] == 3
    assert redrive["deadLetterTargetArn"].endswith(aws.config.dead_letter_queue_name)


def test_a_missing_object_is_a_plain_404(aws: AwsProcess) -> None:
    with pytest.raises(ClientError, match="Not Found"):
        aws.s3.head_object(Bucket=aws.bucket, Key="golf-swings/u/never.mp4")


def test_it_serves_no_address_but_loopback() -> None:
    for endpoint in ("http://0.0.0.0:4566", "https://127.0.0.1:4566", "http://127.0.0.1", None):
        with pytest.raises(ValueError, match="GOLF_S3_ENDPOINT_URL"):
            EmbeddedAws.from_settings(Settings(s3_endpoint_url=endpoint))
    assert EmbeddedAws.from_settings(Settings(s3_endpoint_url="http://127.0.0.1:1234")).port == 1234


def test_many_requests_share_a_connection(aws: AwsProcess) -> None:
    connection = HTTPConnection("127.0.0.1", aws.config.port)
    address = f"/{aws.bucket}/golf-swings/ann/one/metrics/1/swing_metrics.json"
    seen: list[tuple[int, bytes | None]] = []
    for method, body in (("PUT", b"{}"), ("GET", None), ("HEAD", None), ("DELETE", None), ("GET", None)):
        connection.request(method, address, body, SIGNED)
        if not seen:
            socket = connection.sock
        answer = connection.getresponse()
        answered = answer.read()
        seen.append((answer.status, answered if answer.status == 200 else None))
        assert connection.sock is socket, "no new one was opened"
    assert seen == [(200, b""), (200, b"{}"), (200, b""), (204, None), (404, None)]


def test_only_videos_are_announced_however_their_extension_is_written(aws: AwsProcess) -> None:
    for name in ("a.mp4", "b.MOV", "c.m4v", "one/overlay/1/overlay.mp4", "one/metrics/1/swing_metrics.json"):
        aws.s3.put_object(Bucket=aws.bucket, Key=f"golf-swings/u/{name}", Body=b"x")
    keys = [json.loads(body)["Records"][0]["s3"]["object"]["key"] for body in aws.drain()]
    assert [unquote_plus(key).removeprefix("golf-swings/u/") for key in sorted(keys)] == [
        "a.mp4",
        "b.MOV",
        "c.m4v",
        "one/overlay/1/overlay.mp4",
    ]
