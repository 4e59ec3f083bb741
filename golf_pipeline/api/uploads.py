"""The one route that takes a video itself: multipart/form-data, passed on to S3 while it comes in.

Never more than a part of it is in memory, nothing of it on disk. What breaks off (the client leaves, the file is too
large or of a wrong type, S3 fails) leaves neither an object nor parts of one: the upload is aborted, and a record is
made only when all bytes are there. `edge.STREAMED` lets the body of this route pass.
"""

import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import anyio
from fastapi import APIRouter, Depends, Request, Response
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from golf_pipeline.api.edge import settings_of
from golf_pipeline.api.identity import AnyCaller, Caller
from golf_pipeline.api.limits import Limit, WithinLimits, limited, subject_of
from golf_pipeline.api.problems import Problem, documented
from golf_pipeline.api.swing_messages import SWINGS_PATH, Swing, swing_of, swing_path
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import Upload, upload_key
from golf_pipeline.storage.object_store import ObjectStore, StreamedUpload
from golf_pipeline.storage.rates import Rate
from golf_pipeline.storage.records import AnalysisRecord
from golf_pipeline.swing.errors import SwingError

CONTENT_TYPES = {"mp4": "video/mp4", "mov": "video/quicktime", "m4v": "video/x-m4v"}
UNTYPED = frozenset({"", "application/octet-stream"})
"""What clients send for a file whose type they do not know; the extension then tells it."""

FIELD = "file"
MAX_PARTS = 10
MAX_FRAME_BYTES = 64 * 1024
"""Of a form around its file: boundaries, headers, and fields that nobody asked for."""

UPLOADS_AT_ONCE = 8
"""In one process; each holds one part, and a copy of it while it is sent (`StreamedUpload`)."""

UPLOADS_OF_ONE = 2
"""Of those, by one user (of guests: one address), so that nobody can take all places."""

SLOWEST_BYTES_PER_S = 8 * 1024
"""A phone on a bad line sends twice as much; who sends less, on the whole, holds a place for hours."""

SLOW_START_S = 30.0
"""From when on that is asked for."""

BUSY_RETRY_S = 5
HOUR_S = 3600.0

log = logging.getLogger(__name__)
router = APIRouter(prefix=SWINGS_PATH, tags=["swings"])

_FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": [FIELD],
                "properties": {
                    FIELD: {
                        "type": "string",
                        "format": "binary",
                        "description": "one MP4, MOV or M4V; its name tells which. Other fields are not read.",
                    }
                },
            },
            "encoding": {FIELD: {"contentType": ", ".join(CONTENT_TYPES.values())}},
        }
    },
}


class UploadSlots:
    """How many uploads this process passes on at the same time; for the event loop only."""

    def __init__(self, most: int = UPLOADS_AT_ONCE, most_of_one: int = UPLOADS_OF_ONE) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, subject: str) -> Iterator[None]:
        """Hold a slot for a user.

        Raises:
            Problem: 429, they hold as many as one may; 503, none is free.
        """
        told = {"Retry-After": str(BUSY_RETRY_S), **_CLOSE}
        if self._taken[subject] >= self._most_of_one:
            raise Problem(429, "RATE_LIMITED", "Please wait until your other videos are through.", told)
        if self._taken.total() >= self._most:
            sentence = "Many videos are coming in at the moment. Please try again in a few seconds."
            raise Problem(503, "UPLOADS_BUSY", sentence, told)
        self._taken[subject] += 1
        try:
            yield
        finally:
            self._taken[subject] -= 1
            self._taken += Counter()  # forgets who holds none


@router.post(
    "/upload",
    status_code=202,
    operation_id="uploadSwing",
    response_model=Swing,
    dependencies=[Depends(WithinLimits)],
    responses=documented(400, 401, 408, 413, 415, 422, 429, 503),
    openapi_extra={"requestBody": _FORM},
)
async def upload_swing(request: Request, caller: AnyCaller) -> Response:
    """Upload one video of at most 100 MB and have it analysed; poll the address in `Location`."""
    most = settings_of(request).max_upload_bytes
    form = VideoForm(_boundary(request.headers.get("content-type", "")), most)
    if int(request.headers.get("content-length", "0")) > most + MAX_FRAME_BYTES:
        raise too_large(most)
    slots: UploadSlots = request.app.state.upload_slots
    with slots.taken(subject_of(request, caller)):
        await run_in_threadpool(count_upload, request, caller)
        record = await _receive(request, caller, form)
    body = swing_of(record).model_dump_json().encode()
    return Response(body, 202, {"Location": swing_path(record.analysis_id)}, "application/json")


def count_upload(request: Request, caller: Caller) -> None:
    """Count a video that a caller announces or brings. Writes to the database: not for the event loop.

    Raises:
        Problem: 429, it is one too many.
    """
    rate = Rate("uploads", settings_of(request).uploads_per_user_hour, HOUR_S)
    limited(request, Limit(rate, subject_of(request, caller), "You have sent many videos within an hour."))


def video_type(file_name: str, content_type: str) -> tuple[str, str]:
    """The extension and the content type of a video.

    Raises:
        Problem: 422, the extension is none of a video's, or the content type is another one's.
    """
    extension = file_name.rpartition(".")[2].lower() if "." in file_name else ""
    if extension not in CONTENT_TYPES:
        raise Problem(422, "UNSUPPORTED_FILE", f"Please upload one of {', '.join(sorted(CONTENT_TYPES))}.")
    if content_type != CONTENT_TYPES[extension]:
        raise Problem(422, "UNSUPPORTED_TYPE", f"The content type of a .{extension} is {CONTENT_TYPES[extension]}.")
    return extension, content_type


def too_large(most: int) -> Problem:
    return Problem(
        413, "VIDEO_TOO_LARGE", f"A video may have {most} bytes at most. Please trim it to the swing.", _CLOSE
    )


class VideoForm:
    """The form as it comes in: `feed` gives the bytes of the file, once its name and type have been found good."""

    def __init__(self, boundary: bytes, most_bytes: int) -> None:
        self.extension = ""
        self._most_bytes = most_bytes
        self._data: list[bytes] = []
        self._parts = self._size = self._frame = 0
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._headers: dict[bytes, bytes] = {}
        self._in_file = self._ended = False
        callbacks: Any = {
            "on_part_begin": self._on_part_begin,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_end": self._on_end,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except FormParserError as error:
            raise _broken() from error

    @property
    def is_begun(self) -> bool:
        """Whether the headers of the file have come, so that `extension` is known."""
        return bool(self.extension)

    def feed(self, chunk: bytes) -> list[bytes]:
        """The file's bytes in the next piece of the body.

        Raises:
            Problem: 400, 413 or 422: this is no form with one video of the allowed size.
        """
        self._data = []
        before = self._size
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _broken() from error
        self._frame += len(chunk) - (self._size - before)
        if self._size > self._most_bytes:
            raise too_large(self._most_bytes)
        if self._frame > MAX_FRAME_BYTES:
            raise _broken()
        return self._data

    def finish(self) -> None:
        """Check that the form came whole and held a video.

        Raises:
            Problem: 400, it was cut off; 422, there was no file in it, or an empty one.
        """
        if not self._ended:
            raise _broken()
        if not self.is_begun:
            raise _no_file()
        if not self._size:
            raise Problem(422, "EMPTY_FILE", "The file is empty. Please choose the video again.")

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise _broken()
        self._headers, self._in_file = {}, False

    def _on_header_end(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        if options.get(b"name") != FIELD.encode():
            return
        if b"filename" not in options:
            raise _no_file()
        if self.is_begun:
            raise Problem(422, "ONE_FILE_ONLY", f"Send one video at a time: one field {FIELD}.", _CLOSE)
        name = options[b"filename"].decode(errors="replace")
        sent, _ = parse_options_header(self._headers.get(b"content-type"))
        told = sent.decode(errors="replace").lower()
        if told in UNTYPED:
            told = CONTENT_TYPES.get(name.rpartition(".")[2].lower(), "")
        self.extension, _ = video_type(name, told)
        self._in_file = True

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._size += end - start
            self._data.append(data[start:end])

    def _on_end(self) -> None:
        self._ended = True


async def _receive(request: Request, caller: Caller, form: VideoForm) -> AnalysisRecord:
    """Pass the video on as it comes, and register it.

    Raises:
        Problem: what is wrong with the request; the upload is aborted.
        SwingError: S3 does not take it; the upload is aborted.
    """
    catalog: Catalog = request.app.state.catalog
    store: ObjectStore = request.app.state.store
    upload: StreamedUpload | None = None
    there = Upload("", "", "", "")
    try:
        pace = _Pace()
        async for data in _file_bytes(request, form, pace):
            if upload is None:
                job_id = str(uuid4())
                key = upload_key(caller.user_id, job_id, form.extension)
                there = Upload(caller.user_id, job_id, form.extension, key)
                upload = store.stream(key, CONTENT_TYPES[form.extension])
            if upload.wants(len(data)):
                # The client is not read from meanwhile: so a fast one fills no memory.
                with pace.paused():
                    await run_in_threadpool(upload.write, data)
            else:
                upload.write(data)
        form.finish()
        if upload is None:  # a file without a byte, which `finish` refuses
            raise _no_file()
        return await run_in_threadpool(_register, catalog, store, there, upload, not caller.is_guest)
    except ClientDisconnect:
        raise Problem(400, "UPLOAD_BROKEN_OFF", "The upload broke off. Please send the video again.") from None
    finally:
        if upload is not None:
            with anyio.CancelScope(shield=True):
                await run_in_threadpool(_abort, upload)


class _Pace:
    """How fast a client sends, without the time in which it was not read from."""

    def __init__(self) -> None:
        self._began, self._bytes = time.monotonic(), 0

    def check(self, length: int) -> None:
        """Count what has come.

        Raises:
            Problem: 408, it is too little for the time that it took.
        """
        self._bytes += length
        took_s = time.monotonic() - self._began
        if took_s > SLOW_START_S and self._bytes < took_s * SLOWEST_BYTES_PER_S:
            raise Problem(408, "REQUEST_TIMEOUT", "The video comes too slowly. Please try a better connection.", _CLOSE)

    @contextmanager
    def paused(self) -> Iterator[None]:
        paused_at = time.monotonic()
        yield
        self._began += time.monotonic() - paused_at


async def _file_bytes(request: Request, form: VideoForm, pace: _Pace) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        pace.check(len(chunk))
        for data in form.feed(chunk):
            yield data


def _register(
    catalog: Catalog, store: ObjectStore, there: Upload, upload: StreamedUpload, is_authenticated: bool
) -> AnalysisRecord:
    """Make the object and its record. The record first: S3 announces the object, and does not know who sent it."""
    record = catalog.create(store.bucket, there, is_authenticated=is_authenticated)
    try:
        upload.complete()
    except SwingError as error:
        sentence = "Our storage did not take the video. Please send it again."
        catalog.fail(record.analysis_id, SwingError(error.code, sentence, detail=error.detail, retryable=True))
        raise
    facts = store.head(there.key)
    return catalog.register_object(store.bucket, there, facts.etag, facts.size, facts.last_modified)[0]


def _abort(upload: StreamedUpload) -> None:
    try:
        upload.abort()
    except SwingError as error:
        # Parts stay behind, which the bucket's lifecycle rule for unfinished uploads removes.
        log.warning("an upload could not be aborted: %s", error.code)


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Problem(
            415, "UNSUPPORTED_MEDIA_TYPE", f"Send the video as multipart/form-data, in the field {FIELD}.", _CLOSE
        )
    return options[b"boundary"]


_CLOSE = {"Connection": "close"}
"""With an answer that comes before the body was read: the rest of it must not be taken for the next request."""

_broken = partial(Problem, 400, "BROKEN_FORM", f"This is no form with one video in the field {FIELD}.", _CLOSE)
_no_file = partial(Problem, 422, "NO_FILE", f"Send the video as a file in the field {FIELD}.", _CLOSE)
