"""The drill library, what is recommended out of it, and what was done."""

from datetime import UTC, datetime, timedelta

import httpx

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.drills_done import drills_done_since
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.swing import knowledge
from golf_pipeline_tests.api.issuer import TestIssuer
from golf_pipeline_tests.api.people import area, store_profile

DRILLS = "/api/v1/drills"


def done(catalog: Catalog, user: str = "ann") -> dict[str, int]:
    since = datetime.now(UTC) - timedelta(days=60)
    return {drill: one.times for drill, one in drills_done_since(catalog.engine, user, since).items()}


def test_anybody_reads_the_library_and_may_keep_it(api: httpx.Client, tokens: TestIssuer) -> None:
    answer = api.get(DRILLS)
    assert [drill["drill_id"] for drill in answer.json()["drills"]] == list(knowledge.load().drills)
    assert answer.headers["cache-control"].startswith("public")
    again = api.get(DRILLS, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])
    assert api.get(DRILLS, headers=tokens.headers("ann")).content == answer.content
    assert api.get(DRILLS, headers={"Authorization": "Bearer nonsense"}).status_code == 401


def test_the_library_is_filtered_by_fault_and_place(api: httpx.Client) -> None:
    def ids(**query: str) -> set[str]:
        return {drill["drill_id"] for drill in api.get(DRILLS, params=query).json()["drills"]}

    library = knowledge.load().drills.values()
    assert ids(where="at home") == {one.drill_id for one in library if one.where == "at home"}
    assert ids(fault_id="early_extension", where="on the range") == {
        one.drill_id for one in library if one.where == "on the range" and "early_extension" in one.fault_ids
    }
    for query in ({"fault_id": "no_such_fault"}, {"where": "in the pub"}):
        answer = api.get(DRILLS, params=query)
        assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")
    parameters = api.get("/openapi.json").json()["paths"][DRILLS]["get"]["parameters"]
    schema = next(one["schema"] for one in parameters if one["name"] == "fault_id")
    assert "early_extension" in str(schema)


def test_drills_are_recommended_for_the_golfers_own_faults(
    api: httpx.Client, tokens: TestIssuer, catalog: Catalog, store: ObjectStore
) -> None:
    gone = area("over_the_top").model_copy(update={"drill_ids": ("no_longer_in_the_library", "pump_drill")})
    store_profile(catalog, store, "ann", area("early_extension"), gone, area("loss_of_posture"))
    api.post(f"{DRILLS}/pump_drill/complete", headers=tokens.headers("ann"))
    api.post(f"{DRILLS}/pump_drill/complete", headers=tokens.headers("bob"))
    recommended = api.get(f"{DRILLS}/recommended", headers=tokens.headers("ann")).json()["drills"]
    assert [(one["drill"]["drill_id"], one["fault_id"]) for one in recommended] == [
        ("chair_behind_hips", "early_extension"),
        ("bag_behind_hips", "early_extension"),
        ("pump_drill", "over_the_top"),
        ("head_against_wall", "loss_of_posture"),
    ]
    assert [one["times_done_7_days"] for one in recommended] == [0, 0, 1, 0]
    assert [one["last_done_at"] is not None for one in recommended] == [False, False, True, False]


def test_without_a_profile_or_without_a_fault_nothing_is_recommended_and_the_reason_is_told(
    api: httpx.Client, tokens: TestIssuer, catalog: Catalog, store: ObjectStore
) -> None:
    store_profile(catalog, store, "bob")
    store_profile(catalog, store, "eve", area("early_extension"), swing_count=0)
    reasons = {}
    for user in ("ann", "bob", "eve"):
        answer = api.get(f"{DRILLS}/recommended", headers=tokens.headers(user)).json()
        assert answer["drills"] == []
        reasons[user] = answer["reason"]
    assert reasons["ann"] == reasons["eve"] != reasons["bob"]
    guest = api.get(f"{DRILLS}/recommended")
    assert (guest.status_code, guest.json()["code"]) == (401, "SIGN_IN_NEEDED")


def test_a_drill_that_was_done_is_noted_for_its_golfer(api: httpx.Client, tokens: TestIssuer, catalog: Catalog) -> None:
    now = datetime.now(UTC)
    answer = api.post(f"{DRILLS}/pump_drill/complete", headers=tokens.headers("ann"))
    assert (answer.status_code, answer.json()["drill_id"]) == (201, "pump_drill")
    assert abs(datetime.fromisoformat(answer.json()["completed_at"]) - now) < timedelta(minutes=1)
    for when, status in {
        now - timedelta(days=29): 201,
        now + timedelta(minutes=4): 201,
        now + timedelta(minutes=6): 422,
        now - timedelta(days=31): 422,
        datetime.min.replace(tzinfo=UTC): 422,
        datetime.max.replace(tzinfo=UTC): 422,
    }.items():
        body = {"completed_at": when.isoformat()}
        sent = api.post(f"{DRILLS}/pump_drill/complete", json=body, headers=tokens.headers("ann"))
        assert sent.status_code == status, when
    assert done(catalog) == {"pump_drill": 3}
    assert done(catalog, "bob") == {}


def test_what_cannot_have_been_done_is_refused(api: httpx.Client, tokens: TestIssuer, catalog: Catalog) -> None:
    headers = tokens.headers("ann")
    assert api.post(f"{DRILLS}/pump_drill/complete").status_code == 401
    assert api.post(f"{DRILLS}/no_such_drill/complete", headers=headers).status_code == 404
    for body in ({"completed_at": "2026-05-01T12:00:00"}, {"completed_at": "yesterday"}, {"when": "now"}, []):
        assert api.post(f"{DRILLS}/pump_drill/complete", json=body, headers=headers).status_code == 422
    assert done(catalog) == {}


def test_a_repeated_note_with_the_same_key_counts_once(api: httpx.Client, tokens: TestIssuer, catalog: Catalog) -> None:
    headers = tokens.headers("ann") | {"Idempotency-Key": "tap-1"}
    first, second = (api.post(f"{DRILLS}/pump_drill/complete", headers=headers) for _ in range(2))
    assert (second.status_code, second.json()) == (201, first.json())
    assert done(catalog) == {"pump_drill": 1}
    # An empty object is another body than none.
    api.post(f"{DRILLS}/pump_drill/complete", json={}, headers=tokens.headers("ann") | {"Idempotency-Key": "tap-2"})
    assert done(catalog) == {"pump_drill": 2}
