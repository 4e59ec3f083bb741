"""Bearer tokens over real HTTP: every attack fails where the honest token passes; keys rotate; issuers fail."""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from golf_pipeline.api import identity, issuer_keys
from golf_pipeline.api.app import create_app
from golf_pipeline.api.identity import IdentityConfigError, Role, TokenVerifier, verifier_from_settings
from golf_pipeline.api.issuer_keys import signing_keys
from golf_pipeline.settings import Settings
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import Upload, upload_key
from golf_pipeline.storage.links import sign_link
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline_tests.api.conftest import Serve, serving
from golf_pipeline_tests.api.issuer import AUDIENCE, Key, TestIssuer
from golf_pipeline_tests.databases import sqlite_catalog

LINK_KEY = "k" * 32
HOUR = 3600


@pytest.fixture
def swing(catalog: Catalog, store: ObjectStore) -> str:
    """The path of a swing of ann's: hers to read, unknown to everybody else."""
    swing_id = str(uuid4())
    key = upload_key("ann", swing_id, "mp4")
    catalog.create(store.bucket, Upload("ann", swing_id, "mp4", key), is_authenticated=True)
    return f"/api/video/results/{swing_id}"


@pytest.fixture(scope="module")
def shared(
    tokens: TestIssuer, s3_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[httpx.Client, str]]:
    """One API for all attacks, and the path of a swing of ann's there."""
    catalog = sqlite_catalog(tmp_path_factory.mktemp("identity"))
    catalog.create("swings", Upload("ann", "anns", "mp4", upload_key("ann", "anns", "mp4")), is_authenticated=True)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        store = ObjectStore.connect("swings", s3_url, "us-east-1")
        with serving(create_app(Settings(bucket="swings", **tokens.settings), catalog, store)) as client:  # type: ignore[arg-type]
            yield client, "/api/video/results/anns"
    catalog.engine.dispose()


@pytest.fixture
def issuer() -> Iterator[TestIssuer]:
    """An issuer of this test's own, to be changed and broken."""
    issuer = TestIssuer()
    yield issuer
    issuer.close()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def encoded(part: bytes | dict[str, Any]) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def hmac_signed(issuer: TestIssuer, secret: bytes, alg: str = "HS256") -> str:
    """PyJWT would not sign with a public key; an attacker's tool does."""
    signed = f"{encoded({'alg': alg, 'typ': 'JWT', 'kid': issuer.key.kid})}.{encoded(issuer.claims('ann'))}"
    return f"{signed}.{encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def public(issuer: TestIssuer, encoding: serialization.Encoding) -> bytes:
    return issuer.key.private.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)


def with_algorithm(issuer: TestIssuer, algorithm: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1()) if algorithm.startswith("ES") else issuer.key.private
    return jwt.encode(issuer.claims("ann"), key, algorithm=algorithm, headers={"kid": issuer.key.kid})


def unsigned(issuer: TestIssuer, algorithm: str, signature: str = "") -> str:
    header = {"alg": algorithm, "typ": "JWT", "kid": issuer.key.kid}
    return f"{encoded(header)}.{encoded(issuer.claims('ann'))}.{signature}"


def changed_payload(issuer: TestIssuer) -> str:
    header, _, signature = issuer.token("bob").split(".")
    return f"{header}.{encoded(issuer.claims('ann'))}.{signature}"


def raw_payload(issuer: TestIssuer, payload: bytes) -> str:
    return jwt.api_jws.encode(payload, issuer.key.private, algorithm="RS256", headers={"kid": issuer.key.kid})


THIEF = Key("thief")

FORGERIES: dict[str, Callable[[TestIssuer], str]] = {
    "alg none": lambda issuer: unsigned(issuer, "none"),
    "alg none, spelt otherwise": lambda issuer: unsigned(issuer, "nOnE"),
    "alg none with a signature": lambda issuer: unsigned(issuer, "none", issuer.token("ann").split(".")[2]),
    "no signature": lambda issuer: unsigned(issuer, "RS256"),
    "HS256 with the public key in PEM": lambda issuer: hmac_signed(issuer, public(issuer, serialization.Encoding.PEM)),
    "HS256 with the public key in DER": lambda issuer: hmac_signed(issuer, public(issuer, serialization.Encoding.DER)),
    "HS256 with the modulus": lambda issuer: hmac_signed(issuer, issuer.key.published["n"].encode()),
    "HMAC that calls itself RS256": lambda issuer: hmac_signed(
        issuer, public(issuer, serialization.Encoding.PEM), alg="RS256"
    ),
    "RS512 with the issuer's key": lambda issuer: with_algorithm(issuer, "RS512"),
    "PS256 with the issuer's key": lambda issuer: with_algorithm(issuer, "PS256"),
    "ES256": lambda issuer: with_algorithm(issuer, "ES256"),
    "a thief's key under the issuer's id": lambda issuer: issuer.token("ann", key=Key("first", THIEF.private)),
    "a thief's key under its own id": lambda issuer: issuer.token("ann", key=THIEF),
    "no key id": lambda issuer: issuer.token("ann", header={"kid": None}),
    "an empty key id": lambda issuer: issuer.token("ann", header={"kid": ""}),
    "a key id of 1,000 characters": lambda issuer: issuer.token("ann", header={"kid": "k" * 1000}),
    "a key id that is a path": lambda issuer: issuer.token("ann", header={"kid": "../../../dev/null"}),
    "a key of its own in the header": lambda issuer: issuer.token(
        "ann", key=THIEF, header={"kid": "first", "jwk": THIEF.published}
    ),
    "a critical extension": lambda issuer: issuer.token("ann", header={"crit": ["x"], "x": 1}),
    "an unencoded payload": lambda issuer: issuer.token("ann", header={"crit": ["b64"], "b64": True}),
    "a logout token": lambda issuer: issuer.token("ann", header={"typ": "logout+jwt"}),
    "somebody else's payload under a good signature": changed_payload,
    "the signature of another token": lambda issuer: (
        f"{issuer.token('ann').rpartition('.')[0]}.{issuer.token('bob').rpartition('.')[2]}"
    ),
    "five parts": lambda issuer: f"{issuer.token('ann')}.a.b",
    "two parts": lambda issuer: issuer.token("ann").rpartition(".")[0],
    "bytes that base64 leaves out": lambda issuer: issuer.token("ann") + "!!",
    "padding": lambda issuer: issuer.token("ann") + "==",
    "a token of 9,000 characters": lambda issuer: issuer.token("ann", padding="x" * 9000),
    "a payload that is no object": lambda issuer: raw_payload(issuer, b'["ann"]'),
    "a payload that is deep": lambda issuer: raw_payload(issuer, b"[" * 4000),
    "a header that is deep": lambda issuer: f"{encoded(b'[' * 4000)}.{encoded(issuer.claims('ann'))}.aaaa",
    "a header that is no object": lambda issuer: f"{encoded(b'[]')}.{encoded(issuer.claims('ann'))}.aaaa",
    "numbers without an end": lambda issuer: raw_payload(issuer, b'{"exp": ' + b"9" * 5000 + b"}"),
    "nonsense": lambda _: "abc",
    "a link": lambda _: sign_link("ann", LINK_KEY, HOUR),
}

WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://idp.example"},
    "the issuer with a slash": {"iss": "{issuer}/"},
    "no issuer": {"iss": None},
    "a list of issuers": {"iss": ["{issuer}"]},
    "another audience": {"aud": "another-app"},
    "an audience that begins alike": {"aud": f"{AUDIENCE}-admin"},
    "no audience": {"aud": None},
    "an empty audience": {"aud": []},
    "an audience that is an object": {"aud": {AUDIENCE: True}},
    "no audience, and a client without its use": {"aud": None, "client_id": AUDIENCE},
    "an access token of another client": {"aud": None, "client_id": "other", "token_use": "access"},
    "an identity token without audience": {"aud": None, "client_id": AUDIENCE, "token_use": "id"},
    "a refresh token": {"token_use": "refresh"},
    "no end": {"exp": None},
    "an end that is no time": {"exp": "soon"},
    "an end that is a list": {"exp": [2**40]},
    "valid later": {"nbf": 2**40},
    "valid at no time": {"nbf": "later"},
    "issued in the future": {"iat": 2**40},
    "no subject": {"sub": None},
    "a subject that is a number": {"sub": 7},
    "an empty subject": {"sub": ""},
    "the guests": {"sub": "guest"},
    "the folder above": {"sub": ".."},
    "this folder": {"sub": "."},
    "a path": {"sub": "ann/../bob"},
    "an encoded path": {"sub": "ann%2f.."},
    "a path of Windows": {"sub": "..\\ann"},
    "a line break": {"sub": "ann\n"},
    "a null": {"sub": "ann\0"},
    "a space": {"sub": " ann"},
    "letters that look alike": {"sub": "аnn"},  # noqa: RUF001 the first one is Cyrillic
    "a subject of 129 characters": {"sub": "a" * 129},
    "a name for SQL": {"sub": "ann' OR '1'='1"},
}


@pytest.mark.parametrize("attack", FORGERIES)
def test_a_forged_token_is_refused(shared: tuple[httpx.Client, str], tokens: TestIssuer, attack: str) -> None:
    api, swing = shared
    answer = api.get(swing, headers=bearer(FORGERIES[attack](tokens)))
    assert code(answer) == (401, "INVALID_TOKEN")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
    assert api.get(swing, headers=tokens.headers("ann")).status_code == 200


@pytest.mark.parametrize("attack", WRONG_CLAIMS)
def test_a_token_with_a_wrong_claim_is_refused(
    shared: tuple[httpx.Client, str], tokens: TestIssuer, attack: str
) -> None:
    api, swing = shared
    told = json.loads(json.dumps(WRONG_CLAIMS[attack]).replace("{issuer}", tokens.url))
    if isinstance(told.get("iss"), list):
        refused = bearer(raw_payload(tokens, json.dumps(tokens.claims("ann") | told).encode()))
    elif "sub" in told:
        refused = bearer(raw_payload(tokens, json.dumps(_without_none(tokens.claims("ann") | told)).encode()))
    else:
        refused = tokens.headers("ann", **told)
    assert code(api.get(swing, headers=refused)) == (401, "INVALID_TOKEN")
    assert api.get(swing, headers=tokens.headers("ann")).status_code == 200


def _without_none(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if value is not None}


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"aud": ["another-app", AUDIENCE]},
        {"aud": None, "client_id": AUDIENCE, "token_use": "access"},
        {"token_use": "id"},
        {"nbf": 1_700_000_000},
        {"iat": None},
        {"header": {"typ": "at+jwt"}},
        {"header": {"typ": "jwt", "x5u": "https://idp.example/cert"}},
    ],
    ids=str,
)
def test_the_tokens_of_usual_issuers_are_taken(
    shared: tuple[httpx.Client, str], tokens: TestIssuer, told: dict[str, Any]
) -> None:
    api, swing = shared
    assert api.get(swing, headers=tokens.headers("ann", **told)).status_code == 200
    assert api.get(swing, headers=tokens.headers("bob", **told)).status_code == 404


def test_a_token_that_has_ended_says_so_and_clocks_may_differ_a_little(
    shared: tuple[httpx.Client, str], tokens: TestIssuer
) -> None:
    api, swing = shared
    now = int(time.time())
    assert code(api.get(swing, headers=tokens.headers("ann", exp=now - HOUR))) == (401, "TOKEN_EXPIRED")
    almost = identity.LEEWAY_S - 15
    for told in ({"exp": now - almost}, {"nbf": now + almost}, {"iat": now + almost}):
        assert api.get(swing, headers=tokens.headers("ann", **told)).status_code == 200
    past = identity.LEEWAY_S + 60
    for told in ({"exp": now - past}, {"nbf": now + past}, {"iat": now + past}):
        assert api.get(swing, headers=tokens.headers("ann", **told)).status_code == 401


def test_an_ended_token_of_a_thief_is_not_called_ended(shared: tuple[httpx.Client, str], tokens: TestIssuer) -> None:
    api, swing = shared
    ended = tokens.headers("ann", key=Key("first", THIEF.private), exp=1)
    assert code(api.get(swing, headers=ended)) == (401, "INVALID_TOKEN")


@pytest.mark.parametrize("header", ["jku", "x5u"])
def test_a_token_does_not_say_where_its_key_is(
    shared: tuple[httpx.Client, str], tokens: TestIssuer, issuer: TestIssuer, header: str
) -> None:
    api, swing = shared
    forged = tokens.headers("ann", key=issuer.key, header={header: issuer.jwks_url})
    assert code(api.get(swing, headers=forged)) == (401, "INVALID_TOKEN")
    assert issuer.fetches == [], "nobody asked the address that the token named"


@pytest.mark.parametrize("value", ["", "Bearer", "Basic YW5uOng=", "Token abc", "Bearer a b", "Bearer,abc"])
def test_a_header_that_is_no_token_is_refused_and_not_taken_for_a_guest(
    shared: tuple[httpx.Client, str], value: str
) -> None:
    api, swing = shared
    answer = api.get(swing, headers={"Authorization": value})
    assert code(answer) == (401, "INVALID_TOKEN")


def test_two_tokens_in_one_request_are_refused(shared: tuple[httpx.Client, str], tokens: TestIssuer) -> None:
    api, swing = shared
    both = [("Authorization", tokens.headers(name)["Authorization"]) for name in ("ann", "bob")]
    assert code(api.get(swing, headers=both)) == (401, "INVALID_TOKEN")


def test_without_an_issuer_a_token_is_refused_and_not_ignored(serve: Serve, swing: str, tokens: TestIssuer) -> None:
    api = serve(oidc_issuer=None, oidc_audience=None, oidc_jwks_url=None)
    assert code(api.get(swing, headers=tokens.headers("ann"))) == (401, "IDENTITY_NOT_CONFIGURED")
    assert api.get(swing).status_code == 404


def test_a_token_remembered_is_refused_once_it_has_ended(
    shared: tuple[httpx.Client, str], tokens: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, swing = shared
    monkeypatch.setattr(identity, "LEEWAY_S", 0)
    ends = int(time.time()) + 2
    headers = tokens.headers("ann", exp=ends)
    assert [api.get(swing, headers=headers).status_code for _ in range(3)] == [200] * 3
    while time.time() < ends:
        time.sleep(0.05)
    assert code(api.get(swing, headers=headers)) == (401, "TOKEN_EXPIRED")


def test_no_token_is_ever_logged(
    shared: tuple[httpx.Client, str], tokens: TestIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    api, swing = shared
    caplog.set_level(logging.DEBUG)
    for token in (tokens.token("ann"), tokens.token("ann", exp=1), *(one(tokens) for one in FORGERIES.values())):
        api.get(swing, headers=bearer(token))
        for part in token.split("."):
            assert len(part) < 20 or part not in caplog.text
    assert "a token was refused" in caplog.text


# Roles


@pytest.mark.parametrize(
    ("claim", "named", "known"),
    [
        ("roles", ["coach"], {Role.USER, Role.COACH}),
        ("roles", "coach admin", {Role.USER, Role.COACH, Role.ADMIN}),
        ("roles", "admin,coach", {Role.USER, Role.COACH, Role.ADMIN}),
        ("cognito:groups", ["coach", "testers"], {Role.USER, Role.COACH}),
        ("roles", ["Admin", "ADMIN", "admin ", "user", 7, None, {"admin": True}, ["admin"]], {Role.USER}),
        ("roles", {"admin": True}, {Role.USER}),
        ("roles", "administrator", {Role.USER}),
        ("roles", None, {Role.USER}),
        ("roles", True, {Role.USER}),
    ],
)
def test_roles_are_those_that_the_claim_names(tokens: TestIssuer, claim: str, named: object, known: set[Role]) -> None:
    verifier = TokenVerifier(tokens.url, AUDIENCE, tokens.jwks_url, claim)
    caller = asyncio.run(verifier.caller(tokens.token("ann", **{claim: named})))
    assert caller.roles == known


# Keys of the issuer


def test_keys_are_fetched_at_the_first_token_and_once(serve: Serve, swing: str, issuer: TestIssuer) -> None:
    api = serve(**issuer.settings)
    api.get(swing)
    assert issuer.fetches == []
    for _ in range(3):
        assert api.get(swing, headers=issuer.headers("ann")).status_code == 200
    assert issuer.fetches == ["/jwks.json"]


def test_a_hundred_first_tokens_at_once_cause_one_fetch(serve: Serve, swing: str, issuer: TestIssuer) -> None:
    api = serve(**issuer.settings)
    issuer.delay_s = 0.3
    headers = [issuer.headers("ann", jti=str(n)) for n in range(100)]
    with ThreadPoolExecutor(100) as clients:
        answers = list(clients.map(lambda one: api.get(swing, headers=one).status_code, headers))
    assert answers == [200] * 100
    assert issuer.fetches == ["/jwks.json"]


def test_a_slow_issuer_does_not_keep_others_waiting(serve: Serve, swing: str, issuer: TestIssuer) -> None:
    api = serve(**issuer.settings)
    issuer.delay_s = 2.0
    with ThreadPoolExecutor(1) as clients:
        waiting = clients.submit(api.get, swing, headers=issuer.headers("ann"))
        while not issuer.fetches:
            time.sleep(0.01)
        assert api.get(swing).status_code == 404
        assert not waiting.done()
        assert waiting.result().status_code == 200


def test_the_discovery_document_tells_where_the_keys_are(serve: Serve, swing: str, issuer: TestIssuer) -> None:
    api = serve(**issuer.settings | {"oidc_jwks_url": None})
    assert api.get(swing, headers=issuer.headers("ann")).status_code == 200
    assert issuer.fetches == ["/.well-known/openid-configuration", "/jwks.json"]


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://idp.example"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "ftp://127.0.0.1/keys"},
        {"jwks_uri": "//127.0.0.1/keys"},
    ],
    ids=str,
)
def test_a_discovery_document_that_is_not_the_issuers_own_is_not_followed(
    serve: Serve, swing: str, issuer: TestIssuer, discovery: dict[str, Any]
) -> None:
    api = serve(**issuer.settings | {"oidc_jwks_url": None})
    issuer.discovery = discovery
    assert code(api.get(swing, headers=issuer.headers("ann"))) == (503, "IDENTITY_UNAVAILABLE")
    assert "/jwks.json" not in issuer.fetches
    assert api.get(swing).status_code == 404, "guests are served"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"keys": 1}', b'{"keys": []}', b"[" * 9000, b'{"keys": [' + b" " * 70_000 + b"]}"]
)
def test_an_answer_without_keys_is_no_answer(serve: Serve, swing: str, issuer: TestIssuer, body: bytes) -> None:
    api = serve(**issuer.settings)
    issuer.body = body
    answer = api.get(swing, headers=issuer.headers("ann"))
    assert code(answer) == (503, "IDENTITY_UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_new_key_is_found_and_the_old_one_is_refused(
    serve: Serve, swing: str, issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_keys, "PAUSE_S", 0.0)
    api = serve(**issuer.settings)
    before = issuer.headers("ann")
    assert api.get(swing, headers=before).status_code == 200
    issuer.rotate("second")
    assert api.get(swing, headers=before).status_code == 200, "nobody has told us yet"
    assert api.get(swing, headers=issuer.headers("ann")).status_code == 200
    assert code(api.get(swing, headers=before)) == (401, "INVALID_TOKEN"), "although it was remembered"


def test_while_both_keys_are_published_both_are_good(
    serve: Serve, swing: str, issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_keys, "PAUSE_S", 0.0)
    api = serve(**issuer.settings)
    before = issuer.headers("ann")
    issuer.rotate("second", keep=True)
    for headers in (issuer.headers("ann"), before):
        assert api.get(swing, headers=headers).status_code == 200


def test_a_withdrawn_key_is_forgotten_without_a_token_of_the_new_one(
    serve: Serve, swing: str, issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_keys, "FRESH_S", 0.0)
    monkeypatch.setattr(issuer_keys, "PAUSE_S", 0.0)
    api = serve(**issuer.settings)
    stolen = issuer.rotate("second", keep=True)
    remembered = issuer.headers("ann", key=stolen)
    assert api.get(swing, headers=remembered).status_code == 200
    issuer.published = [issuer.key.published]
    deadline = time.monotonic() + 10
    while api.get(swing, headers=issuer.headers("ann", key=stolen, jti=str(uuid4()))).status_code == 200:
        assert time.monotonic() < deadline
    assert code(api.get(swing, headers=remembered)) == (401, "INVALID_TOKEN")
    assert api.get(swing, headers=issuer.headers("ann")).status_code == 200


def test_tokens_with_unknown_keys_do_not_make_us_ask_the_issuer_each_time(
    serve: Serve, swing: str, issuer: TestIssuer
) -> None:
    api = serve(**issuer.settings)
    forged = [issuer.headers("ann", key=Key(str(n), THIEF.private)) for n in range(200)]
    with ThreadPoolExecutor(20) as clients:
        answers = list(clients.map(lambda one: api.get(swing, headers=one).status_code, forged))
    assert answers == [401] * 200
    assert len(issuer.fetches) == 1
    assert api.get(swing, headers=issuer.headers("ann")).status_code == 200


def test_nor_do_they_when_the_issuer_fails(serve: Serve, swing: str, issuer: TestIssuer) -> None:
    api = serve(**issuer.settings)
    issuer.failing = True
    began = time.monotonic()
    answers = [api.get(swing, headers=issuer.headers("ann", jti=str(n))) for n in range(50)]
    assert {code(one) for one in answers} == {(503, "IDENTITY_UNAVAILABLE")}
    assert len(issuer.fetches) <= 1 + (time.monotonic() - began) / issuer_keys.PAUSE_AFTER_FAILURE_S


def test_an_issuer_that_fails_takes_nothing_from_those_whose_key_is_known(
    serve: Serve, swing: str, issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pause in ("FRESH_S", "PAUSE_S", "PAUSE_AFTER_FAILURE_S"):
        monkeypatch.setattr(issuer_keys, pause, 0.0)
    api = serve(**issuer.settings)
    assert api.get(swing, headers=issuer.headers("ann")).status_code == 200
    issuer.failing = True
    for n in range(5):
        assert api.get(swing, headers=issuer.headers("ann", jti=str(n))).status_code == 200
    unknown = issuer.headers("ann", key=Key("new", THIEF.private))
    assert code(api.get(swing, headers=unknown)) == (503, "IDENTITY_UNAVAILABLE"), "it may be a good one"
    issuer.failing = False
    assert code(api.get(swing, headers=unknown)) == (401, "INVALID_TOKEN")


def test_old_keys_are_not_trusted_for_ever(
    serve: Serve, swing: str, issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pause in ("FRESH_S", "PAUSE_S", "PAUSE_AFTER_FAILURE_S"):
        monkeypatch.setattr(issuer_keys, pause, 0.0)
    api = serve(**issuer.settings)
    assert api.get(swing, headers=issuer.headers("ann")).status_code == 200
    issuer.failing = True
    monkeypatch.setattr(issuer_keys, "STALE_S", 0.0)
    answer = api.get(swing, headers=issuer.headers("ann", jti="another"))
    assert code(answer) == (503, "IDENTITY_UNAVAILABLE")
    issuer.failing = False
    monkeypatch.setattr(issuer_keys, "STALE_S", 60.0)
    assert api.get(swing, headers=issuer.headers("ann", jti="another")).status_code == 200


def test_what_is_no_rsa_key_for_signatures_is_left_out() -> None:
    good, small = Key("good"), Key("small", rsa.generate_private_key(65537, 1024))  # noqa: S505 the point
    published = [
        good.published,
        small.published,
        {**good.published, "kid": "for secrets", "use": "enc"},
        {**good.published, "kid": "another algorithm", "alg": "RS512"},
        {**good.published, "kid": 7},
        {**good.published, "kid": "broken", "n": "!"},
        {**good.published, "kid": "half", "n": None},
        {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"},
        {"kty": "EC", "kid": "curve"},
        "nonsense",
        None,
    ]
    assert set(signing_keys({"keys": published})) == {"good"}


def test_an_id_under_which_two_keys_stand_is_no_id() -> None:
    good, one, other = Key("good"), Key("twice"), Key("twice")
    published = [good.published, one.published, other.published, one.published]
    assert set(signing_keys({"keys": published})) == {"good"}
    assert set(signing_keys({"keys": [good.published, good.published]})) == {"good"}


# Settings


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"oidc_issuer": "https://idp.example"}, "GOLF_OIDC_AUDIENCE"),
        ({"oidc_issuer": "https://idp.example", "oidc_audience": ""}, "GOLF_OIDC_AUDIENCE"),
        ({"oidc_audience": AUDIENCE}, "GOLF_OIDC_ISSUER"),
        ({"oidc_jwks_url": "https://idp.example/keys"}, "GOLF_OIDC_ISSUER"),
        ({"oidc_issuer": "idp.example", "oidc_audience": AUDIENCE}, "GOLF_OIDC_ISSUER"),
        (
            {"oidc_issuer": "https://idp.example", "oidc_audience": AUDIENCE, "oidc_jwks_url": "file:///keys"},
            "GOLF_OIDC_JWKS_URL",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_said_at_the_start(settings: dict[str, str], named: str) -> None:
    with pytest.raises(IdentityConfigError, match=named):
        verifier_from_settings(Settings(**settings))  # type: ignore[arg-type]


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert verifier_from_settings(Settings(oidc_issuer="", oidc_audience="", oidc_jwks_url="")) is None
    discovering = Settings(oidc_issuer="https://idp.example", oidc_audience=AUDIENCE, oidc_jwks_url="")
    assert verifier_from_settings(discovering) is not None


def test_the_terminal_says_it_in_one_line(tmp_path: Path) -> None:
    environment = {**os.environ, "GOLF_OIDC_ISSUER": "https://idp.example", "GOLF_DATA_FOLDER": str(tmp_path)}
    command = [sys.executable, "-m", "golf_pipeline.cli", "api"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "GOLF_OIDC_AUDIENCE is not set" in ended.stderr
    assert "Traceback" not in ended.stderr
