"""Listings of the embedded bucket are S3's: by the bytes of the names, folders as one, in pages of any size."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golf_pipeline_tests.local.conftest import AwsProcess

NAMES = st.text(alphabet="ab/.é\U0001f3cc", min_size=1, max_size=6).filter(lambda name: name.strip("/."))


def pages(aws: AwsProcess, size: int, **asked: Any) -> tuple[list[str], list[str]]:
    """Names of objects and of folders, through all pages of at most `size` entries."""
    objects: list[str] = []
    folders: list[str] = []
    while True:
        answer = aws.s3.list_objects_v2(Bucket=aws.bucket, MaxKeys=size, **asked)
        here = [one["Key"] for one in answer.get("Contents", [])]
        inside = [one["Prefix"] for one in answer.get("CommonPrefixes", [])]
        assert len(here) + len(inside) == answer["KeyCount"] <= size
        objects += here
        folders += inside
        if not answer["IsTruncated"]:
            return objects, folders
        assert answer["KeyCount"] == size
        asked["ContinuationToken"] = answer["NextContinuationToken"]


def as_documented(names: set[str], prefix: str, delimiter: str, after: str) -> tuple[list[str], list[str]]:
    """What S3's documentation says of a listing."""
    objects: list[str] = []
    folders: list[str] = []
    for name in sorted(names, key=str.encode):
        if name.startswith(prefix) and name.encode() > after.encode():
            head, found, _ = name.removeprefix(prefix).partition(delimiter) if delimiter else ("", "", "")
            folder = prefix + head + delimiter
            if not found:
                objects.append(name)
            elif folder not in folders:
                folders.append(folder)
    return objects, folders


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.sets(NAMES, max_size=8),
    prefix=st.text(alphabet="ab/é", max_size=2),
    delimiter=st.sampled_from(["", "/"]),
    after=st.text(alphabet="ab/é", max_size=3),
    size=st.integers(1, 4),
)
def test_any_listing_is_the_documented_one(
    aws: AwsProcess, names: set[str], prefix: str, delimiter: str, after: str, size: int
) -> None:
    for name in names:
        aws.s3.put_object(Bucket=aws.bucket, Key=name, Body=b"")
    try:
        asked = {"Prefix": prefix, "Delimiter": delimiter, "StartAfter": after}
        found = pages(aws, size, **{name: value for name, value in asked.items() if value})
        assert found == as_documented(names, prefix, delimiter, after)
    finally:
        for name in names:
            aws.s3.delete_object(Bucket=aws.bucket, Key=name)


def test_a_page_for_nothing_is_empty_and_the_last_one(aws: AwsProcess) -> None:
    aws.s3.put_object(Bucket=aws.bucket, Key="a", Body=b"")
    answer = aws.s3.list_objects_v2(Bucket=aws.bucket, MaxKeys=0)
    assert (answer["KeyCount"], answer["IsTruncated"]) == (0, False)


def test_a_token_that_is_none_is_refused(aws: AwsProcess) -> None:
    with pytest.raises(ClientError, match="continuation token"):
        aws.s3.list_objects_v2(Bucket=aws.bucket, ContinuationToken="x")


def test_other_buckets_are_listed_as_moto_does(aws: AwsProcess) -> None:
    aws.s3.create_bucket(Bucket="another")
    aws.s3.put_object(Bucket="another", Key="a/b", Body=b"")
    answer = aws.s3.list_objects_v2(Bucket="another", Delimiter="/")
    assert [one["Prefix"] for one in answer["CommonPrefixes"]] == ["a/"]
