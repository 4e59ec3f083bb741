"""The development issuer: its keys, what it serves, and the tokens that the terminal prints."""

import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from golf_pipeline.local.http import request
from golf_pipeline.local.issuer import (
    AUDIENCE,
    DISCOVERY_PATH,
    FOLDER,
    JWKS_PATH,
    DevIssuer,
    NoTokenError,
    make_server,
    mint_token,
)
from golf_pipeline.local.ports import claim_port
from golf_pipeline.settings import Settings


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevIssuer]:
    issuer = DevIssuer(tmp_path_factory.mktemp("data"), claim_port(0, "a test", ""))
    issuer.prepare()
    server = make_server(issuer)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield issuer
    server.shutdown()
    server.server_close()


def token(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "golf_pipeline.cli", "token", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def read_as_the_api_does(issuer: DevIssuer, minted: str) -> dict[str, object]:
    discovery = request("GET", f"{issuer.url}{DISCOVERY_PATH}").json()
    assert discovery["issuer"] == issuer.url
    keys = jwt.PyJWKSet.from_dict(request("GET", discovery["jwks_uri"]).json())
    key = keys[jwt.get_unverified_header(minted)["kid"]]
    claims: dict[str, object] = jwt.decode(minted, key, algorithms=["RS256"], audience=AUDIENCE, issuer=issuer.url)
    return claims


def test_the_terminal_prints_a_token_and_nothing_else(issuer: DevIssuer) -> None:
    ended = token("ann", "--role", "coach", "--role", "admin", "--hours", 2, "--data-folder", issuer.folder.parent)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("\n") == 1
    claims = read_as_the_api_does(issuer, ended.stdout.strip())
    assert (claims["sub"], claims["roles"]) == ("ann", ["coach", "admin"])
    assert claims["exp"] - claims["iat"] == 2 * 3600  # type: ignore[operator]


def test_a_token_for_a_folder_without_a_stack_says_what_to_do(tmp_path: Path) -> None:
    ended = token("ann", "--data-folder", tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "golf-pipeline dev" in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("user", "roles", "hours"),
    [
        ("guest", (), 8),
        ("../bob", (), 8),
        ("", (), 8),
        ("x" * 129, (), 8),
        ("ann", ("root",), 8),
        ("ann", (), 0),
        ("ann", (), -1),
        ("ann", (), 100_000),
        ("ann", (), float("nan")),
    ],
)
def test_no_token_is_made_of_nonsense(issuer: DevIssuer, user: str, roles: tuple[str, ...], hours: float) -> None:
    with pytest.raises(NoTokenError):
        mint_token(issuer.folder.parent, user, roles, hours)


def test_everything_about_it_says_development(issuer: DevIssuer) -> None:
    header = jwt.get_unverified_header(issuer.token("ann"))
    assert "development-only" in header["kid"]
    assert "development" in AUDIENCE
    assert issuer.url.startswith("http://127.0.0.1:")


def test_the_private_key_is_its_owners_alone_and_is_never_served(issuer: DevIssuer) -> None:
    secrets = [path for path in issuer.folder.iterdir() if path.name != "address"]
    assert len(issuer.environment["GOLF_LINK_KEY"]) >= 32
    for path in (*secrets, issuer.folder / "link_key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    [key] = request("GET", f"{issuer.url}{JWKS_PATH}").json()["keys"]
    assert not set(key) & {"d", "p", "q", "dp", "dq", "qi", "k"}
    for path in ("/", "/development_only_key.pem", "/../issuer/link_key", f"/{FOLDER}/link_key", "/token"):
        assert request("GET", f"{issuer.url}{path}").status == 404


def test_keys_survive_a_restart_and_differ_between_folders(issuer: DevIssuer, tmp_path: Path) -> None:
    again = DevIssuer(issuer.folder.parent, issuer.port)
    again.prepare()
    assert read_as_the_api_does(issuer, again.token("ann"))["sub"] == "ann"
    assert again.environment == issuer.environment
    other = DevIssuer(tmp_path, issuer.port)
    other.prepare()
    assert other.environment["GOLF_LINK_KEY"] != issuer.environment["GOLF_LINK_KEY"]
    with pytest.raises(KeyError):
        read_as_the_api_does(issuer, other.token("ann"))


def test_it_serves_on_this_machine_only(tmp_path: Path) -> None:
    for address in ("http://0.0.0.0:4567", "https://127.0.0.1:4567", "http://127.0.0.1", "http://idp.example:80"):
        with pytest.raises(ValueError, match="GOLF_OIDC_ISSUER"):
            DevIssuer.from_settings(Settings(oidc_issuer=address, data_folder=tmp_path))
