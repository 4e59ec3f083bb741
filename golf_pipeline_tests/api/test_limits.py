"""How often: by address over real HTTP, shared by everybody behind one household's network, told politely."""

import base64

import httpx
import pytest
from starlette.requests import HTTPConnection

from golf_pipeline.api.identity import Caller, Role
from golf_pipeline.api.limits import Limit, client_address, hashed, limited, subject_of
from golf_pipeline.api.problems import Problem
from golf_pipeline.settings import Settings
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import GUEST
from golf_pipeline.storage.links import sign_link
from golf_pipeline.storage.rates import Rate
from golf_pipeline.storage.tables import rate_limits
from golf_pipeline_tests.api.conftest import Serve

ANNOUNCED = {"fileName": "swing.mp4", "contentType": "video/mp4", "contentLength": 1000}


def connection(address: str | None, settings: Settings | None = None, catalog: Catalog | None = None) -> HTTPConnection:
    class App:
        class state:  # noqa: N801
            pass

    App.state.settings, App.state.catalog = settings, catalog
    client = None if address is None else (address, 1)
    return HTTPConnection({"type": "http", "headers": [], "client": client, "app": App})


def announce(api: httpx.Client, address: str = "203.0.113.9") -> httpx.Response:
    return api.post("/api/video/presigned-url", json=ANNOUNCED, headers={"X-Forwarded-For": address})


def test_no_more_than_the_limit_passes_from_one_address_in_a_minute(serve: Serve) -> None:
    api = serve(requests_per_minute_per_ip=3)
    answers = [announce(api) for _ in range(5)]
    assert [one.status_code for one in answers] == [201, 201, 201, 429, 429]
    refused = answers[-1]
    assert refused.json()["code"] == "RATE_LIMITED"
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert "Please come back in" in refused.json()["detail"]
    assert announce(api, "203.0.113.10").status_code == 201


def test_reading_is_not_limited(serve: Serve) -> None:
    api = serve(requests_per_minute_per_ip=1)
    assert {api.get("/api/video/results/x").status_code for _ in range(5)} == {404}


def test_the_table_holds_no_address(serve: Serve, catalog: Catalog) -> None:
    announce(serve())
    with catalog.engine.connect() as reading:
        rows = reading.execute(rate_limits.select()).all()
    assert rows
    assert all("203.0.113" not in str(row) for row in rows)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("what a proxy says", "what a proxy says"),
        (None, "unknown"),
    ],
)
def test_an_address_counts_as_its_household(address: str | None, counted: str) -> None:
    assert client_address(connection(address)) == counted


def test_guests_count_by_their_address_and_users_by_their_id() -> None:
    settings = Settings()
    here, there = connection("203.0.113.9", settings), connection("203.0.113.10", settings)
    ann = Caller("ann", frozenset({Role.USER}))
    assert subject_of(here, ann) == subject_of(there, ann) == "ann"
    assert subject_of(here, Caller(GUEST)) != subject_of(there, Caller(GUEST))
    assert subject_of(here, Caller(GUEST)).startswith("guest:")


def test_the_hash_of_an_address_is_the_same_in_every_process_and_another_in_another_deployment() -> None:
    one = Settings(catalog_url="postgresql://u:secret@db/golf")
    assert hashed(one, "203.0.113.9") == hashed(one.model_copy(), "203.0.113.9")
    assert hashed(one, "203.0.113.9") != hashed(Settings(catalog_url="postgresql://u:other@db/golf"), "203.0.113.9")
    keyed = Settings(link_key="k" * 32)
    assert hashed(keyed, "203.0.113.9") == hashed(Settings(link_key="k" * 32, catalog_url="sqlite:///x"), "203.0.113.9")


def test_a_hash_says_nothing_of_a_links_signature_although_the_key_is_the_same() -> None:
    signed, _, signature = sign_link("some-swing", "k" * 32, 60).rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "=")
    assert not raw.hex().startswith(hashed(Settings(link_key="k" * 32), signed))


def test_a_limit_tells_how_many_are_left_and_then_when_to_come_back(catalog: Catalog) -> None:
    asked = connection("203.0.113.9", Settings(), catalog)
    rate = Rate("test", 2, 7200)
    assert [limited(asked, Limit(rate, "ann")) for _ in range(2)] == [1, 0]
    with pytest.raises(Problem) as refused:
        limited(asked, Limit(rate, "ann", "I need a breather."))
    assert refused.value.detail == "I need a breather. Please come back in 2 hours."
    assert 7190 <= int(refused.value.headers["Retry-After"]) <= 7200
