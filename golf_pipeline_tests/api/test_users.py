"""The routes of golfers themselves: their account, and their statistics."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from golf_pipeline.storage import profiles
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.drills_done import record_drill
from golf_pipeline.storage.keys import user_context_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.stale_profiles import stale_among
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline.swing.profile import ALGORITHM_VERSION, UserContext
from golf_pipeline_tests.api.conftest import Serve
from golf_pipeline_tests.api.issuer import TestIssuer
from golf_pipeline_tests.api.people import add_swing, area, name_coaches, store_profile

ME = "/api/v1/users/me"


def me(api: httpx.Client, tokens: TestIssuer, user: str = "ann") -> dict[str, object]:
    answer = api.get(ME, headers=tokens.headers(user))
    assert answer.status_code == 200, answer.text
    document: dict[str, object] = answer.json()
    return document


def change(api: httpx.Client, tokens: TestIssuer, body: object, user: str = "ann", **headers: str) -> httpx.Response:
    return api.patch(ME, json=body, headers=tokens.headers(user) | headers)


def test_a_new_golfer_is_known_by_their_token_alone(api: httpx.Client, tokens: TestIssuer) -> None:
    assert api.get(ME, headers=tokens.headers("ann", "coach")).json() == {
        "user_id": "ann",
        "roles": ["coach", "user"],
        "context": {
            "handicap": None,
            "dominant_hand": None,
            "primary_miss": "",
            "goals": "",
            "limitations": "",
            "height_cm": None,
        },
        "coach_ids": [],
        "profile": None,
    }


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_guest_has_no_account(api: httpx.Client, method: str) -> None:
    answer = api.request(method, ME, json={} if method == "PATCH" else None)
    assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_IN_NEEDED")


def test_the_profile_shows_with_what_the_golfer_says(
    api: httpx.Client, tokens: TestIssuer, catalog: Catalog, store: ObjectStore
) -> None:
    store_profile(catalog, store, "ann", area("early_extension"))
    profile = me(api, tokens)["profile"]
    assert isinstance(profile, dict)
    assert [one["fault_id"] for one in profile["focus_areas"]] == ["early_extension"]
    assert (profile["swing_count"], profile["scores"][0]["value"]) == (4, 71)
    assert me(api, tokens, "bob")["profile"] is None


def test_a_profile_that_was_deleted_or_is_of_another_shape_counts_as_none(
    api: httpx.Client, tokens: TestIssuer, catalog: Catalog, store: ObjectStore
) -> None:
    store_profile(catalog, store, "ann", area("early_extension"))
    key = f"golf-profiles/ann/{ALGORITHM_VERSION}/swing_profile.json"
    store.put_bytes(key, b'{"schema_version": "0.1"}', "application/json")
    assert me(api, tokens)["profile"] is None
    store.client.delete_object(Bucket=store.bucket, Key=key)
    assert me(api, tokens)["profile"] is None


def test_a_patch_changes_what_it_names_clears_with_null_and_keeps_the_rest(
    api: httpx.Client, tokens: TestIssuer, store: ObjectStore
) -> None:
    change(api, tokens, {"handicap": 14.2, "goals": "break 80", "dominant_hand": "left", "height_cm": 181})
    answer = change(api, tokens, {"handicap": None, "goals": None, "primary_miss": "a <b>slice</b>"})
    context = answer.json()["context"]
    assert context == {
        "handicap": None,
        "dominant_hand": "left",
        "primary_miss": "a slice",
        "goals": "",
        "limitations": "",
        "height_cm": 181,
    }
    assert me(api, tokens)["context"] == context
    assert json.loads(store.get_bytes(user_context_key("ann"))) == context
    assert me(api, tokens, "bob")["context"] != context


def test_a_merge_patch_may_say_that_it_is_one(api: httpx.Client, tokens: TestIssuer) -> None:
    headers = tokens.headers("ann") | {"Content-Type": "application/merge-patch+json"}
    answer = api.patch(ME, content=b'{"handicap": 3}', headers=headers)
    assert (answer.status_code, answer.json()["context"]["handicap"]) == (200, 3)


REFUSED: tuple[object, ...] = (
    {"handicap": 90},
    {"handicap": "scratch"},
    {"dominant_hand": "both"},
    {"height_cm": 7},
    {"goals": "x" * 501},
    {"goals": 5},
    {"user_id": "eve"},
    {"roles": ["admin"]},
    {"profile": None},
    {"coach_ids": ["carl"] * 21},
    {"coach_ids": ["no/one"]},
    {"coach_ids": ["guest"]},
    {"coach_ids": "carl"},
    {"coach_ids": ["ann"]},
    ["handicap", 3],
)


def test_what_cannot_be_said_is_refused_and_changes_nothing(api: httpx.Client, tokens: TestIssuer) -> None:
    before = me(api, tokens)
    for body in REFUSED:
        answer = change(api, tokens, body)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), body
    assert me(api, tokens) == before


def test_an_answer_is_not_sent_again_until_something_changes(
    api: httpx.Client, tokens: TestIssuer, catalog: Catalog, store: ObjectStore
) -> None:
    def unchanged(tag: str) -> bool:
        return api.get(ME, headers=tokens.headers("ann") | {"If-None-Match": tag}).status_code == 304

    tag = api.get(ME, headers=tokens.headers("ann")).headers["etag"]
    assert unchanged(tag)
    assert unchanged(f'"other", W/{tag}')
    assert not unchanged('"other"')
    patched = change(api, tokens, {"handicap": 3}).headers["etag"]
    assert not unchanged(tag)
    assert unchanged(patched)
    named = change(api, tokens, {"coach_ids": ["carl"]}).headers["etag"]
    assert not unchanged(patched)
    store_profile(catalog, store, "ann")
    assert not unchanged(named)
    assert api.get(ME, headers=tokens.headers("bob") | {"If-None-Match": named}).status_code == 200


def test_a_change_of_an_older_state_is_refused(api: httpx.Client, tokens: TestIssuer) -> None:
    tag = api.get(ME, headers=tokens.headers("ann")).headers["etag"]
    assert change(api, tokens, {"goals": "break 90"}, **{"If-Match": tag}).status_code == 200
    for stale in (tag, f"W/{tag}", '"unknown"'):
        answer = change(api, tokens, {"goals": "break 80"}, **{"If-Match": stale})
        assert (answer.status_code, answer.json()["code"]) == (412, "STATE_CHANGED")
    assert change(api, tokens, {"handicap": 9}, **{"If-Match": "*"}).status_code == 200
    assert me(api, tokens)["context"] == UserContext(goals="break 90", handicap=9).model_dump()


def test_of_many_changes_of_one_state_one_is_made(api: httpx.Client, tokens: TestIssuer) -> None:
    tag = api.get(ME, headers=tokens.headers("ann")).headers["etag"]
    with ThreadPoolExecutor(8) as pool:
        bodies: list[object] = [{"coach_ids": [f"coach{number}"]} for number in range(8)]
        answers = list(pool.map(lambda body: change(api, tokens, body, **{"If-Match": tag}), bodies))
    # Naming coaches changes the tag as much as any other field does.
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 7]


def test_changes_at_once_do_not_lose_each_others_fields(
    api: httpx.Client, tokens: TestIssuer, store: ObjectStore
) -> None:
    bodies: list[object] = [
        {"handicap": 7},
        {"dominant_hand": "right"},
        {"primary_miss": "a hook"},
        {"goals": "win the club's cup"},
        {"limitations": "a stiff hip"},
        {"height_cm": 170},
        {"coach_ids": ["carl"]},
    ]
    with ThreadPoolExecutor(7) as pool:
        assert {answer.status_code for answer in pool.map(lambda body: change(api, tokens, body), bodies * 2)} == {200}
    everything = {name: value for body in bodies if isinstance(body, dict) for name, value in body.items()}
    after = me(api, tokens)
    assert after["coach_ids"] == everything.pop("coach_ids")
    assert after["context"] == everything
    assert json.loads(store.get_bytes(user_context_key("ann"))) == everything


def test_a_change_asks_for_a_new_profile_and_one_that_changes_nothing_does_not(
    api: httpx.Client, tokens: TestIssuer, catalog: Catalog, store: ObjectStore
) -> None:
    def wishes() -> list[int]:
        with catalog.engine.connect() as connection:
            revision = profiles.golfer(connection, "ann").revision
        return [revision for _ in stale_among(catalog.engine, ["ann"], ALGORITHM_VERSION)]

    store_profile(catalog, store, "ann")
    assert wishes() == []
    change(api, tokens, {"coach_ids": ["carl"]})
    assert wishes() == []
    change(api, tokens, {"goals": "break 80"})
    first = wishes()
    assert len(first) == 1
    change(api, tokens, {"goals": "break 80"})
    assert wishes() == first
    change(api, tokens, {"goals": "break 79"})
    assert wishes() != first


def test_a_context_that_an_operator_put_into_the_bucket_is_built_upon(
    api: httpx.Client, tokens: TestIssuer, store: ObjectStore
) -> None:
    by_hand = UserContext(handicap=20, goals="have fun")
    store.put_bytes(user_context_key("ann"), by_hand.model_dump_json().encode(), "application/json")
    answer = change(api, tokens, {"handicap": 19})
    assert answer.json()["context"] == by_hand.model_dump() | {"handicap": 19}


def test_naming_a_coach_is_what_lets_them_see_and_only_the_golfer_can(
    api: httpx.Client, tokens: TestIssuer, catalog: Catalog, store: ObjectStore
) -> None:
    add_swing(catalog, store.bucket, "ann", "s1", Status.AI_COMPLETED)
    statuses = []
    for coaches in ([], ["carl", "cora"], ["cora"], []):
        name_coaches(api, tokens, "ann", *coaches)
        answer = api.get("/api/v1/users/ann/stats", headers=tokens.headers("carl", "coach"))
        statuses.append(answer.status_code)
    assert statuses == [404, 200, 404, 404]


def test_who_sees_a_golfers_statistics(api: httpx.Client, tokens: TestIssuer) -> None:
    name_coaches(api, tokens, "ann", "carl")
    cases: dict[str, tuple[dict[str, str], int]] = {
        "guest": ({}, 401),
        "self": (tokens.headers("ann"), 200),
        "stranger": (tokens.headers("bob"), 404),
        "their coach": (tokens.headers("carl", "coach"), 200),
        "their coach without the role": (tokens.headers("carl"), 404),
        "another coach": (tokens.headers("cora", "coach"), 404),
        "admin": (tokens.headers("root", "admin"), 200),
    }
    for who, (headers, status) in cases.items():
        answer = api.get("/api/v1/users/ann/stats", headers=headers)
        assert answer.status_code == status, who
        if status == 404:
            assert answer.json() == api.get("/api/v1/users/nobody-at-all/stats", headers=headers).json()


def test_what_is_no_golfers_id_has_no_statistics(api: httpx.Client, tokens: TestIssuer) -> None:
    for user_id in ("guest", "..%2fann", "a%00b", "x" * 300, "%F0%9F%8F%8C"):
        answer = api.get(f"/api/v1/users/{user_id}/stats", headers=tokens.headers("root", "admin"))
        assert answer.status_code == 404, user_id


def test_the_statistics_of_a_golfer(
    api: httpx.Client, tokens: TestIssuer, catalog: Catalog, store: ObjectStore
) -> None:
    for number in range(3):
        add_swing(catalog, store.bucket, "ann", f"done{number}", Status.AI_COMPLETED)
    add_swing(catalog, store.bucket, "ann", "working", Status.COMPLETED)
    add_swing(catalog, store.bucket, "ann", "queued", Status.STARTED)
    add_swing(catalog, store.bucket, "bob", "another", Status.AI_COMPLETED)
    store_profile(catalog, store, "ann", area("early_extension"), area("over_the_top"))
    now = add_swing(catalog, store.bucket, "ann", "gone", Status.FAILED).updated_at
    record_drill(catalog.engine, "ann", "pump_drill", now)
    answer = api.get("/api/v1/users/ann/stats", headers=tokens.headers("ann"))
    stats = answer.json()
    assert stats["swings"] == {"queued": 1, "processing": 1, "completed": 3, "failed": 1}
    assert [month["swings"] for month in stats["swings_per_month"]] == [*[0] * 11, 3]
    assert (stats["first_swing"]["analysis_id"], stats["practices"]) == ("done0", 1)
    assert [(fault["fault_id"], fault["seen_in"]) for fault in stats["faults"]] == [
        ("early_extension", 3),
        ("over_the_top", 3),
    ]
    score = stats["scores"][0]
    assert (score["latest"], score["median"], score["best_analysis_id"]) == (71, 66.5, "s3")
    assert stats["drills_completed"] == {"last_7_days": 1, "last_30_days": 1}

    tag = {"If-None-Match": answer.headers["etag"]}
    assert api.get("/api/v1/users/ann/stats", headers=tokens.headers("ann") | tag).status_code == 304
    record_drill(catalog.engine, "ann", "pump_drill", now)
    assert api.get("/api/v1/users/ann/stats", headers=tokens.headers("ann") | tag).status_code == 200


def test_a_golfer_without_anything_has_empty_statistics(api: httpx.Client, tokens: TestIssuer) -> None:
    stats = api.get("/api/v1/users/ann/stats", headers=tokens.headers("ann")).json()
    assert set(stats["swings"].values()) == {0}
    assert (stats["first_swing"], stats["scores"], stats["faults"], stats["practices"]) == (None, [], [], 0)


def test_storage_that_does_not_answer_is_said_so_and_the_change_can_be_sent_again(
    serve: Serve, tokens: TestIssuer, catalog: Catalog, store: ObjectStore
) -> None:
    gone = ObjectStore.connect("no-such-bucket", store.client.meta.endpoint_url, "us-east-1")
    api = serve(its_store=gone)
    answer = api.patch(ME, json={"handicap": 3}, headers=tokens.headers("ann"))
    assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_UNAVAILABLE")
    again = serve().patch(ME, json={"handicap": 3}, headers=tokens.headers("ann"))
    assert (again.status_code, again.json()["context"]["handicap"]) == (200, 3)
    with catalog.engine.connect() as connection:
        assert profiles.golfer(connection, "ann").context == UserContext(handicap=3)


def test_what_storage_forbids_us_is_not_the_callers_fault(
    api: httpx.Client, tokens: TestIssuer, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(_: str) -> bytes:
        raise SwingError(ErrorCode.UPLOAD_FORBIDDEN, "We are not allowed to read this video.")

    monkeypatch.setattr(store, "get_bytes", forbidden)
    answer = change(api, tokens, {"handicap": 3})
    assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_UNAVAILABLE")
