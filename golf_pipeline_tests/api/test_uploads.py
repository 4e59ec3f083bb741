"""Videos sent through the API: streamed to S3, refused in time, and nothing left of what broke off."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golf_pipeline.api.problems import Problem
from golf_pipeline.api.uploads import MAX_FRAME_BYTES, UploadSlots, VideoForm
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.listing import list_swings
from golf_pipeline.storage.object_store import PART_BYTES, ObjectStore
from golf_pipeline.storage.records import Status
from golf_pipeline_tests.api.conftest import Serve
from golf_pipeline_tests.api.issuer import TestIssuer

PATH = "/api/v1/swings/upload"
VIDEO = b"pretend this is a video"
BOUNDARY = b"b0undary"


def form(
    body: bytes = VIDEO, name: str = "swing.mov", kind: str | None = "video/quicktime", field: str = "file"
) -> bytes:
    told = f"\r\nContent-Type: {kind}" if kind is not None else ""
    head = f'Content-Disposition: form-data; name="{field}"; filename="{name}"{told}'
    return b"--%b\r\n%b\r\n\r\n%b\r\n--%b--\r\n" % (BOUNDARY, head.encode(), body, BOUNDARY)


HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}


def head_of(body: bytes) -> bytes:
    lines = [f"POST {PATH} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in HEADERS.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode()


def nothing_is_left(catalog: Catalog, store: ObjectStore, user: str = "guest") -> bool:
    unfinished = store.client.list_multipart_uploads(Bucket=store.bucket).get("Uploads", [])
    return not unfinished and not list(store.list_objects("")) and not list_swings(catalog, user, 50)


def eventually(condition: object, *arguments: object) -> bool:
    for _ in range(200):
        if condition(*arguments):  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("size", [1, PART_BYTES, 2 * PART_BYTES + 12345])
def test_a_video_is_stored_registered_and_waits_for_its_analysis(
    api: httpx.Client, catalog: Catalog, store: ObjectStore, tokens: TestIssuer, size: int
) -> None:
    body = bytes(range(251)) * (size // 251 + 1)
    body = body[:size]
    sent = {"file": ("My swing.MOV", body, "video/quicktime")}
    answer = api.post(PATH, files=sent, headers=tokens.headers("ann"))
    assert answer.status_code == 202, answer.text
    swing = answer.json()
    assert (swing["status"], swing["user_id"]) == ("queued", "ann")
    assert answer.headers["location"] == swing["links"]["self"] == f"/api/v1/swings/{swing['analysis_id']}"
    record = catalog.get(swing["analysis_id"])
    assert record is not None
    assert (record.s3_key, record.size_bytes) == (f"golf-swings/ann/{record.analysis_id}.mov", size)
    assert record.is_authenticated
    assert store.get_bytes(record.s3_key) == body
    assert [one.analysis_id for one in catalog.pending(5)] == [record.analysis_id]
    assert api.get(answer.headers["location"], headers=tokens.headers("ann")).status_code == 200
    assert not store.client.list_multipart_uploads(Bucket=store.bucket).get("Uploads")


def test_a_guest_may_upload_and_reads_by_the_id(api: httpx.Client) -> None:
    answer = api.post(PATH, content=form(name="a.mp4", kind=None), headers=HEADERS)
    assert answer.status_code == 202
    assert answer.json()["user_id"] == "guest"
    assert api.get(answer.headers["location"]).json()["status"] == "queued"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (form(name="swing.avi", kind="video/x-msvideo"), 422, "UNSUPPORTED_FILE"),
        (form(name="swing"), 422, "UNSUPPORTED_FILE"),
        (form(name="mov"), 422, "UNSUPPORTED_FILE"),
        (form(kind="video/mp4"), 422, "UNSUPPORTED_TYPE"),
        (form(kind="text/html"), 422, "UNSUPPORTED_TYPE"),
        (form(field="video"), 422, "NO_FILE"),
        (form(b""), 422, "EMPTY_FILE"),
        (form() + form(), 202, ""),  # what follows the end of a form is not part of it (RFC 2046)
        (form()[: -len(BOUNDARY) - 6] + b"--b0undary\r\n" + form().partition(b"\r\n")[2], 422, "ONE_FILE_ONLY"),
        (form()[:-8], 400, "BROKEN_FORM"),
        (b"no form at all", 400, "BROKEN_FORM"),
        (b"", 400, "BROKEN_FORM"),
        (b"--b0undary--\r\n", 422, "NO_FILE"),
        (b'--b0undary\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b0undary--\r\n', 422, "NO_FILE"),
        (b"--b0undary\r\n" + b"X-Much: " + b"x" * 100_000 + b"\r\n\r\n", 400, "BROKEN_FORM"),
        (form(b"x" * (MAX_FRAME_BYTES + 1), field="other"), 400, "BROKEN_FORM"),
    ],
)
def test_what_is_no_video_is_refused_and_leaves_nothing(
    api: httpx.Client, catalog: Catalog, store: ObjectStore, body: bytes, status: int, code: str
) -> None:
    answer = api.post(PATH, content=body, headers=HEADERS)
    assert answer.status_code == status, answer.text
    if status != 202:
        assert answer.json()["code"] == code
        assert nothing_is_left(catalog, store)


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "multipart/mixed; boundary=x", ""])
def test_another_media_type_is_refused(api: httpx.Client, kind: str) -> None:
    answer = api.post(PATH, content=form(), headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_boundary_that_is_too_long_is_refused(api: httpx.Client) -> None:
    answer = api.post(PATH, content=form(), headers={"Content-Type": f"multipart/form-data; boundary={'b' * 5000}"})
    assert (answer.status_code, answer.json()["code"]) == (400, "BROKEN_FORM")


def test_a_file_name_decides_nothing_about_the_key(api: httpx.Client, catalog: Catalog, store: ObjectStore) -> None:
    for name in ("../../etc/passwd.mp4", "a/b.mp4", "\\x\\y.mp4", "ünï 🏌.mp4", "x" * 3000 + ".mp4"):
        answer = api.post(PATH, content=form(name=name, kind="video/mp4"), headers=HEADERS)
        assert answer.status_code == 202, answer.text
    keys = [found.key for found in store.list_objects("")]
    assert keys == sorted(f"golf-swings/guest/{one.analysis_id}.mp4" for one in list_swings(catalog, "guest", 50))


@pytest.mark.parametrize("announced", [True, False])
def test_a_video_over_the_limit_is_refused_whether_announced_or_not(
    serve: Serve, catalog: Catalog, store: ObjectStore, announced: bool
) -> None:
    most = PART_BYTES + 1000
    api = serve(max_upload_bytes=most)
    assert api.post(PATH, content=form(bytes(most)), headers=HEADERS).status_code == 202
    [kept] = list_swings(catalog, "guest", 50)
    body = form(bytes(most + 1 + (MAX_FRAME_BYTES if announced else 0)))

    def pieces() -> Iterator[bytes]:
        for position in range(0, len(body), 65536):
            yield body[position : position + 65536]

    answer = api.post(PATH, content=body if announced else pieces(), headers=HEADERS)
    assert (answer.status_code, answer.json()["code"]) == (413, "VIDEO_TOO_LARGE")
    assert answer.headers["connection"] == "close"
    assert list_swings(catalog, "guest", 50) == [kept]
    assert [found.key for found in store.list_objects("")] == [kept.s3_key]
    assert not store.client.list_multipart_uploads(Bucket=store.bucket).get("Uploads")


@pytest.mark.parametrize("sent", [100, PART_BYTES + 100_000])
def test_a_client_that_leaves_in_the_middle_leaves_nothing(
    serve: Serve, catalog: Catalog, store: ObjectStore, sent: int
) -> None:
    api = serve()
    whole = form(bytes(PART_BYTES * 3))
    with socket.create_connection(("127.0.0.1", api.base_url.port or 0)) as connection:
        connection.sendall(head_of(whole) + whole[:sent])
        if sent > PART_BYTES:
            uploads = lambda: store.client.list_multipart_uploads(Bucket=store.bucket).get("Uploads")  # noqa: E731
            assert eventually(uploads), "a part is sent while the rest is still to come"
    assert eventually(nothing_is_left, catalog, store)
    assert api.post(PATH, content=form(), headers=HEADERS).status_code == 202


def test_a_client_that_stalls_is_not_waited_for(serve: Serve, catalog: Catalog, store: ObjectStore) -> None:
    api = serve(api_body_timeout_s=0.3)
    whole = form(bytes(PART_BYTES * 2))
    with socket.create_connection(("127.0.0.1", api.base_url.port or 0), timeout=10) as connection:
        connection.sendall(head_of(whole) + whole[: PART_BYTES + 100_000])
        assert b" 408 " in connection.recv(65536)
    assert eventually(nothing_is_left, catalog, store)


def test_a_client_that_sends_far_too_slowly_is_not_waited_for(
    serve: Serve, catalog: Catalog, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("golf_pipeline.api.uploads.SLOW_START_S", 0.1)
    monkeypatch.setattr("golf_pipeline.api.uploads.SLOWEST_BYTES_PER_S", 1e6)
    api, whole = serve(), form(bytes(PART_BYTES))
    with socket.create_connection(("127.0.0.1", api.base_url.port or 0), timeout=60) as connection:
        connection.sendall(head_of(whole))
        for position in range(0, 4000, 1000):
            connection.sendall(whole[position : position + 1000])
            time.sleep(0.1)
        assert b" 408 " in connection.recv(65536)
    assert eventually(nothing_is_left, catalog, store)


def test_videos_at_once_do_not_mix(api: httpx.Client, catalog: Catalog, store: ObjectStore, tokens: TestIssuer) -> None:
    bodies = [bytes([number]) * (PART_BYTES + 1000 * number) for number in range(1, 5)]

    def send(body: bytes) -> tuple[str, bytes]:
        headers = HEADERS | tokens.headers(f"golfer-{body[0] // 2}")
        return api.post(PATH, content=form(body), headers=headers).json()["analysis_id"], body

    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(send, bodies))
    for analysis_id, body in sent:
        record = catalog.get(analysis_id)
        assert record is not None
        assert store.get_bytes(record.s3_key) == body


def test_more_uploads_than_fit_are_told_to_come_back(api: httpx.Client) -> None:
    slots = UploadSlots(most=3, most_of_one=2)
    with slots.taken("ann"), slots.taken("ann"):
        with pytest.raises(Problem, match="429 RATE_LIMITED") as refused, slots.taken("ann"):
            pass
        assert "Retry-After" in refused.value.headers
        with slots.taken("bob"), pytest.raises(Problem, match="503 UPLOADS_BUSY") as refused, slots.taken("carl"):
            pass
        assert "Retry-After" in refused.value.headers
    for _ in range(12):  # a refused one gives its slot back
        assert api.post(PATH, content=form()[:-8], headers=HEADERS).status_code == 400
    assert api.post(PATH, content=form(), headers=HEADERS).status_code == 202


def test_uploads_of_one_user_are_counted_by_the_hour(serve: Serve, tokens: TestIssuer) -> None:
    api = serve(uploads_per_user_hour=2)
    ann, bob = tokens.headers("ann"), tokens.headers("bob")
    ask = {"fileName": "swing.mov", "contentType": "video/quicktime", "contentLength": 5}
    assert api.post(PATH, content=form(), headers=HEADERS | ann).status_code == 202
    assert api.post("/api/video/presigned-url", json=ask, headers=ann).status_code == 201
    for refused in (
        api.post(PATH, content=form(), headers=HEADERS | ann),
        api.post("/api/video/presigned-url", json=ask, headers=ann),
    ):
        assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
        assert int(refused.headers["retry-after"]) > 0
    assert api.post(PATH, content=form(), headers=HEADERS | bob).status_code == 202


def test_a_storage_that_fails_at_the_end_leaves_a_record_that_says_so(
    serve: Serve, catalog: Catalog, store: ObjectStore
) -> None:
    elsewhere = ObjectStore.connect("no-such-bucket-here", store.client.meta.endpoint_url, "us-east-1")
    answer = serve(its_store=elsewhere).post(PATH, content=form(), headers=HEADERS)
    assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_UNAVAILABLE")
    [record] = list_swings(catalog, "guest", 50)
    assert (record.status, record.error_code, record.retryable) == (Status.FAILED, "STORAGE_UNAVAILABLE", True)
    for told in (record.error_message, record.progress_message, answer.json()["detail"]):
        assert "safe" not in (told or "safe"), "the video is nowhere"


def test_the_form_is_published(api: httpx.Client) -> None:
    operation = api.get("/openapi.json").json()["paths"][PATH]["post"]
    schema = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert schema["required"] == ["file"]
    assert {"202", "400", "408", "413", "415", "422", "429", "503"} <= set(operation["responses"])


@settings(deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(1, 40), max_size=60))
def test_the_form_is_read_alike_however_it_is_cut(content: bytes, cuts: list[int]) -> None:
    if BOUNDARY in content:
        return
    body, reader, found, position = form(content), VideoForm(BOUNDARY, 1000), b"", 0
    for length in [*cuts, len(body)]:
        found += b"".join(reader.feed(body[position : position + length]))
        position += length
    assert found == content
    assert reader.extension == "mov"
