"""Who may call what, route by route: every published route has a row here, or the test fails."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from golf_pipeline.api.app import create_app
from golf_pipeline.settings import Settings
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.coaches import create_session, name_coaches
from golf_pipeline.storage.keys import GUEST, Upload, upload_key
from golf_pipeline.storage.links import AUDIENCE, TYPE, sign_link
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.swing.documents import SwingAnalysis
from golf_pipeline_tests.api.conftest import Serve, serving
from golf_pipeline_tests.api.finished import Swings
from golf_pipeline_tests.api.issuer import TestIssuer
from golf_pipeline_tests.api.test_video import analysis
from golf_pipeline_tests.coach.conftest import findings, metrics, report, segmentation
from golf_pipeline_tests.databases import sqlite_catalog

__all__ = ["analysis", "findings", "metrics", "report", "segmentation"]

LINK_KEY = "0123456789abcdef" * 2
HOUR = 3600

CALLERS: dict[str, tuple[str, ...]] = {
    "guest": (),
    "stranger": ("eve",),
    "named": ("carl",),
    "other coach": ("dora", "coach"),
    "coach": ("carl", "coach"),
    "owner": ("ann",),
    "admin": ("root", "admin"),
}
"""The user id and roles of each. Ann owns the swings and named carl as her coach; `named` is carl without the role."""


@dataclass(frozen=True)
class Scene:
    """What a call may need: a caller, and swings of ann's."""

    api: httpx.Client
    headers: dict[str, str]
    bucket: str
    swing: str
    other_swing: str
    session: str
    session_swing: str

    @property
    def key(self) -> str:
        return f"golf-swings/ann/{self.swing}.mov"


Call = Callable[[Scene], httpx.Response]


@dataclass(frozen=True)
class Row:
    """A call, and the status that each caller gets."""

    call: Call
    guest: int
    stranger: int
    named: int
    other_coach: int
    coach: int
    owner: int
    admin: int
    is_change: bool = False
    """Of a swing, so that each caller needs another one."""

    def of(self, caller: str) -> int:
        status: int = getattr(self, caller.replace(" ", "_"))
        return status


def get(path: str) -> Call:
    return lambda scene: scene.api.get(path.format(scene=scene), headers=scene.headers)


def post(path: str, body: dict[str, object] | None = None) -> Call:
    def call(scene: Scene) -> httpx.Response:
        told = {k: v.format(scene=scene) if isinstance(v, str) else v for k, v in (body or {}).items()}
        return scene.api.post(path.format(scene=scene), json=told or None, headers=scene.headers)

    return call


def streamed(path: str) -> Call:
    """The head of an answer that would never end."""

    def call(scene: Scene) -> httpx.Response:
        with scene.api.stream("GET", path.format(scene=scene), headers=scene.headers) as answer:
            return answer

    return call


def talked(scene: Scene) -> httpx.Response:
    """What is read of a conversation after a first message."""
    post("/api/chat", ASK)(scene)
    return get("/api/chat/conversation")(scene)


def uploaded(scene: Scene) -> httpx.Response:
    files = {"file": ("swing.mp4", b"a video", "video/mp4")}
    return scene.api.post("/api/v1/swings/upload", files=files, headers=scene.headers)


def everybody(call: Call, status: int = 200) -> Row:
    return Row(call, status, status, status, status, status, status, status)


def signed_in(call: Call, status: int = 200) -> Row:
    return Row(call, 401, status, status, status, status, status, status)


def coaches(call: Call, *, ours: int, theirs: int, admin: int) -> Row:
    """For coaches; `ours` is what the coach of the session gets, `theirs` what another one does."""
    return Row(call, 401, 403, 403, theirs, ours, 403, admin)


def readers(call: Call, status: int = 200, guest: int = 404) -> Row:
    """What the golfer, their coach and admins may read; for others it does not exist."""
    return Row(call, guest, 404, 404, 404, status, status, status)


def owners(call: Call, status: int, guest: int) -> Row:
    """What the golfer and admins may change; their coach knows that it is there."""
    return Row(call, guest, 404, 404, 404, 403, status, status, is_change=True)


SWING = "/api/v1/swings/{scene.swing}"
VIDEO = {"fileName": "swing.mp4", "contentType": "video/mp4", "contentLength": 7}
ASK = {"message": "What should I work on?"}

ROWS: dict[str, Row] = {
    "createPresignedUrl": everybody(post("/api/video/presigned-url", VIDEO), 201),
    "analyzeVideo": owners(
        post("/api/video/analyze", {"s3Key": "{scene.key}", "bucketName": "{scene.bucket}"}), 202, guest=404
    ),
    "getResults": readers(get("/api/video/results/{scene.swing}")),
    "getArtifact": readers(get("/api/video/results/{scene.swing}/report"), 307),
    "uploadSwing": everybody(uploaded, 202),
    "listSwings": readers(get("/api/v1/swings?user_id=ann"), guest=401),
    "getSwing": readers(get(SWING)),
    "getSwingFrames": readers(get(f"{SWING}/frames")),
    "getSwingAnalysis": readers(get(f"{SWING}/analysis")),
    "getSwingVideo": readers(get(f"{SWING}/video"), 307),
    "compareSwings": readers(get(f"{SWING}/compare/{{scene.other_swing}}")),
    "reanalyzeSwing": owners(post(f"{SWING}/reanalyze"), 202, guest=401),
    "deleteSwing": owners(
        lambda scene: scene.api.delete(SWING.format(scene=scene), headers=scene.headers), 204, guest=401
    ),
    "getMe": signed_in(get("/api/v1/users/me")),
    "updateMe": signed_in(
        lambda scene: scene.api.patch("/api/v1/users/me", json={"goals": "hit it straight"}, headers=scene.headers)
    ),
    "getUserStats": readers(get("/api/v1/users/ann/stats"), guest=401),
    "listDrills": everybody(get("/api/v1/drills")),
    "recommendDrills": signed_in(get("/api/v1/drills/recommended")),
    "completeDrill": signed_in(post("/api/v1/drills/head_against_wall/complete"), 201),
    "createCoachSession": coaches(
        post("/api/coaches/plus/sessions", {"title": "Tuesday", "player_ids": ["ann"]}), ours=201, theirs=201, admin=201
    ),
    "initiateCoachUpload": coaches(
        post("/api/coaches/plus/videos/upload/initiate", {"session_id": "{scene.session}"}),
        ours=201,
        theirs=404,
        admin=201,
    ),
    "completeCoachUpload": coaches(
        post("/api/coaches/plus/videos/upload/complete", {"job_id": "{scene.session_swing}"}),
        ours=200,
        theirs=404,
        admin=200,
    ),
    "getCoachJob": coaches(
        get("/api/coaches/plus/analysis-jobs/{scene.session_swing}"), ours=200, theirs=404, admin=200
    ),
    "chat": everybody(post("/api/chat", ASK)),
    "coachingChat": everybody(post("/api/chat/coaching", ASK)),
    "getConversation": signed_in(talked),
    "streamNotices": readers(streamed("/api/v1/realtime/events?analysis_id={scene.swing}")),
    "getHealth": everybody(get("/health")),
    "getReadiness": everybody(get("/ready")),
    "getMetrics": Row(get("/metrics"), 401, 403, 403, 403, 403, 403, 200),
    "getOperations": Row(get("/operations.json"), 401, 403, 403, 403, 403, 403, 200),
}
"""By operation id."""


def finished_swing(
    catalog: Catalog, store: ObjectStore, user_id: str, analysis: SwingAnalysis, session_id: str | None = None
) -> str:
    """Store a finished swing of a golfer, maybe filmed in a coach's session; returns its id."""
    swing = str(uuid4())
    upload = Upload(user_id, swing, "mov", upload_key(user_id, swing, "mov"))
    catalog.create(store.bucket, upload, is_authenticated=user_id != GUEST, session_id=session_id)
    return Swings(catalog, store, analysis).finished(swing, user_id).analysis_id


@dataclass
class World:
    """One API for all rows, and what ann has stored there."""

    api: httpx.Client
    catalog: Catalog
    store: ObjectStore
    swing: str
    other_swing: str
    session: str
    session_swing: str

    def scene(self, headers: dict[str, str], swing: str) -> Scene:
        return Scene(self.api, headers, self.store.bucket, swing, self.other_swing, self.session, self.session_swing)


@pytest.fixture(scope="module")
def world(
    s3_url: str, tokens: TestIssuer, analysis: SwingAnalysis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    catalog = sqlite_catalog(tmp_path_factory.mktemp("access"))
    with catalog.engine.begin() as connection:
        name_coaches(connection, "ann", ["carl"])
    session = create_session(catalog.engine, "carl", "Tuesday", "", ["ann"]).session_id
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        store = ObjectStore.connect(f"swings-{uuid4().hex[:12]}", s3_url, "us-east-1")
        store.client.create_bucket(Bucket=store.bucket)
        swings = [finished_swing(catalog, store, "ann", analysis, one) for one in (None, None, session)]
        settings: dict[str, Any] = {
            "metrics_token": "m" * 32,  # without one, this machine may read the metrics
            "requests_per_minute_per_ip": 10_000,
            "link_key": LINK_KEY,
        }
        with serving(create_app(Settings(bucket=store.bucket, **tokens.settings, **settings), catalog, store)) as api:
            yield World(api, catalog, store, swings[0], swings[1], session, swings[2])
    catalog.engine.dispose()


def test_every_published_route_has_a_row(world: World) -> None:
    paths = world.api.get("/openapi.json").json()["paths"]
    published = {operation["operationId"] for operations in paths.values() for operation in operations.values()}
    assert published == set(ROWS)


@pytest.mark.parametrize("operation", ROWS)
def test_a_route_is_for_those_whom_its_row_names(
    operation: str, world: World, tokens: TestIssuer, analysis: SwingAnalysis
) -> None:
    row = ROWS[operation]
    got: dict[str, int] = {}
    for caller, named in CALLERS.items():
        swing = finished_swing(world.catalog, world.store, "ann", analysis) if row.is_change else world.swing
        answer = row.call(world.scene(tokens.headers(*named) if named else {}, swing))
        got[caller] = answer.status_code
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
    assert got == {caller: row.of(caller) for caller in CALLERS}


def test_what_a_caller_may_not_see_looks_like_what_is_not_there(world: World, tokens: TestIssuer) -> None:
    swing = world.swing
    for path in ("/api/video/results/{}", "/api/v1/swings/{}", "/api/v1/swings/{}/video", "/api/v1/swings/{}/frames"):
        theirs, nobodys = (
            world.api.get(path.format(one), headers=tokens.headers("eve")) for one in (swing, "4b2f4cf6-9d3c-4b43")
        )
        assert (theirs.status_code, theirs.content) == (nobodys.status_code, nobodys.content)


def test_a_guests_swing_is_read_by_whoever_knows_its_id_and_changed_by_nobody(
    world: World, tokens: TestIssuer, analysis: SwingAnalysis
) -> None:
    swing = finished_swing(world.catalog, world.store, GUEST, analysis)
    for headers in ({}, tokens.headers("eve")):
        assert world.api.get(f"/api/v1/swings/{swing}", headers=headers).status_code == 200
        assert world.api.get(f"/api/video/results/{swing}", headers=headers).status_code == 200
        assert world.api.delete(f"/api/v1/swings/{swing}", headers=headers).status_code in {401, 403}
        assert world.api.post(f"/api/v1/swings/{swing}/reanalyze", headers=headers).status_code in {401, 403}
        assert world.api.get("/api/v1/swings?user_id=guest", headers=headers).status_code in {401, 404}
        assert world.api.get("/api/v1/users/guest/stats", headers=headers).status_code in {401, 404}
    assert world.api.get(f"/api/v1/swings/{swing}").status_code == 200


def test_an_upload_is_its_callers_whatever_they_ask_for(world: World, tokens: TestIssuer) -> None:
    for name, headers in (("guest", {}), ("eve", tokens.headers("eve"))):
        asked = VIDEO | {"userId": "ann", "user_id": "ann"}
        answer = world.api.post("/api/video/presigned-url", json=asked, headers=headers | {"X-User": "ann"})
        assert answer.status_code in {201, 422}
        answer = world.api.post("/api/video/presigned-url", json=VIDEO, headers=headers | {"X-User": "ann"})
        assert answer.json()["s3Key"].startswith(f"golf-swings/{name}/")


def test_a_coach_sees_no_longer_once_the_golfer_names_them_no_more(
    world: World, tokens: TestIssuer, analysis: SwingAnalysis
) -> None:
    swing = finished_swing(world.catalog, world.store, "amy", analysis)

    def coach_gets() -> int:
        return world.api.get(f"/api/v1/swings/{swing}", headers=tokens.headers("carl", "coach")).status_code

    assert coach_gets() == 404
    for named, expected in ((["carl"], 200), ([], 404)):
        changed = world.api.patch("/api/v1/users/me", json={"coach_ids": named}, headers=tokens.headers("amy"))
        assert changed.status_code == 200
        assert coach_gets() == expected


def test_nobody_compares_their_swing_with_one_that_is_not_theirs(
    world: World, tokens: TestIssuer, analysis: SwingAnalysis
) -> None:
    mine, theirs = (finished_swing(world.catalog, world.store, one, analysis) for one in ("eve", "ann"))
    for first, second in ((mine, theirs), (theirs, mine)):
        answer = world.api.get(f"/api/v1/swings/{first}/compare/{second}", headers=tokens.headers("eve"))
        assert answer.status_code == 404


@pytest.mark.parametrize("route", ["/api/chat", "/api/chat/coaching"])
def test_the_coach_tells_nobody_of_anothers_swing(route: str, world: World, tokens: TestIssuer) -> None:
    swing = world.swing
    asked = {"message": "What did you see at impact in this swing?", "analysis_id": swing}
    for headers in ({}, tokens.headers("eve"), tokens.headers("dora", "coach")):
        told = world.api.post(route, json=asked, headers=headers)
        unknown = world.api.post(route, json=asked | {"analysis_id": "no-such-swing"}, headers=headers)
        assert told.status_code == unknown.status_code
        assert told.json().get("response") == unknown.json().get("response")
        assert "sway" not in told.text.lower()
        assert not told.json().get("swing_references")


@pytest.mark.parametrize(
    ("caller", "status"),
    [("guest", 404), ("stranger", 404), ("other coach", 404), ("coach", None), ("owner", None), ("admin", None)],
)
def test_a_websocket_tells_of_a_swing_to_those_who_may_see_it(
    caller: str, status: int | None, world: World, tokens: TestIssuer
) -> None:
    url = f"ws://{world.api.base_url.netloc.decode()}/api/v1/realtime/connect?analysis_id={world.swing}"
    headers = tokens.headers(*CALLERS[caller]) if CALLERS[caller] else {}
    if status is None:
        with connect(url, additional_headers=headers, proxy=None) as socket:
            assert "CONNECTED" in str(socket.recv(timeout=10))
    else:
        with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers=headers, proxy=None):
            pass
        assert refused.value.response.status_code == status


# Links of the Dagster UI


def test_a_link_opens_its_own_result_for_reading_and_nothing_else(world: World) -> None:
    swing, other = world.swing, world.other_swing
    link = {"link": sign_link(swing, LINK_KEY, HOUR)}
    assert world.api.get(f"/api/video/results/{swing}", params=link).json()["status"] == "completed"
    assert world.api.get(f"/api/video/results/{swing}/report", params=link).status_code == 307
    assert world.api.get(f"/api/video/results/{swing}").status_code == 404
    for path in (f"/api/video/results/{other}", f"/api/video/results/{other}/report"):
        assert world.api.get(path, params=link).status_code == 403
    assert world.api.get(f"/api/v1/swings/{swing}", params=link).status_code == 404
    assert world.api.delete(f"/api/v1/swings/{swing}", params=link).status_code == 401
    assert world.api.post(f"/api/v1/swings/{swing}/reanalyze", params=link).status_code == 401
    assert world.api.get("/api/v1/users/me", params=link).status_code == 401


def test_a_link_that_is_not_good_is_refused_without_saying_whether_there_is_a_swing(
    serve: Serve, world: World, tokens: TestIssuer
) -> None:
    swing = world.swing
    honest = {"aud": AUDIENCE, "sub": swing, "exp": int(time.time()) + HOUR}

    def signed(changes: dict[str, object], key: str = LINK_KEY, algorithm: str = "HS256", typ: str = TYPE) -> str:
        claims = {name: value for name, value in (honest | changes).items() if value is not None}
        return jwt.encode(claims, key, algorithm=algorithm, headers={"typ": typ})

    bad = {
        "expired": sign_link(swing, LINK_KEY, -1),
        "another key": sign_link(swing, "x" * 32, HOUR),
        "no end": signed({"exp": None}),
        "no swing": signed({"sub": None}),
        "another audience": signed({"aud": "golf-app"}),
        "no audience": signed({"aud": None}),
        "many audiences": signed({"aud": [AUDIENCE, "golf-app"]}),
        "another type": signed({}, typ="JWT"),
        "HS512": signed({}, key=LINK_KEY * 2, algorithm="HS512"),
        "alg none": jwt.encode(honest, None, algorithm="none", headers={"typ": TYPE}),
        "a bearer token": tokens.token("ann"),
        "a bearer token that looks like a link": tokens.token(swing, aud=AUDIENCE, header={"typ": TYPE}),
        "nothing": "",
        "nonsense": "a.b.c",
        "too long": signed({"x": "x" * 1600}),
    }
    assert world.api.get(f"/api/video/results/{swing}", params={"link": signed({})}).status_code == 200
    without_key = serve()
    for name, link in bad.items():
        for where in (swing, "no-such-swing"):
            answer = world.api.get(f"/api/video/results/{where}", params={"link": link})
            assert (answer.status_code, answer.json()["code"]) == (403, "LINK_NOT_VALID"), name
    refused = without_key.get(f"/api/video/results/{swing}", params={"link": signed({})})
    assert refused.status_code == 403
    as_bearer = world.api.get(f"/api/video/results/{swing}", headers={"Authorization": f"Bearer {signed({})}"})
    assert (as_bearer.status_code, as_bearer.json()["code"]) == (401, "INVALID_TOKEN")
