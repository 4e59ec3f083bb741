"""The development issuer: whoever reads the data folder is whoever they say. For the local stack and nothing else.

It is no identity provider: nobody signs in, nothing is asked, there is no user list. Its RSA key lies in the data
folder, made at the first start and readable by its owner alone; `golf-pipeline token` signs with it. Over HTTP, on the
loopback address only, it serves what the API checks tokens with, as every OIDC issuer does: the discovery document and
the public key. So the local API verifies tokens by the same path as a deployed one. Its audience and key ids say
"development" and its address is this machine's: a deployment that names its own issuer refuses all of its tokens.

Run by the stack as `python -m golf_pipeline.local.issuer`; its address is the one of GOLF_OIDC_ISSUER.
"""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from golf_pipeline.api.identity import ALGORITHM, Role, is_user_id
from golf_pipeline.local.ports import HOST
from golf_pipeline.settings import Settings, get_settings

AUDIENCE = "golf-pipeline-development"
DISCOVERY_PATH = "/.well-known/openid-configuration"
JWKS_PATH = "/.well-known/jwks.json"
ROLES_CLAIM = "roles"
MAX_HOURS = 24 * 31
KEY_BITS = 2048

FOLDER = "issuer"
_KEY_FILE, _LINK_KEY_FILE, _ADDRESS_FILE = "development_only_key.pem", "link_key", "address"


class NoTokenError(Exception):
    """No token can be made; the message is for the person at the terminal."""


class DevIssuer:
    """The issuer of one data folder, on one port of this machine."""

    def __init__(self, data_folder: Path, port: int) -> None:
        self.folder, self.port = data_folder / FOLDER, port

    @classmethod
    def from_settings(cls, settings: Settings) -> "DevIssuer":
        """Read the port from the issuer's address.

        Raises:
            ValueError: the address is not `http://127.0.0.1:<port>`.
        """
        address = urlsplit(settings.oidc_issuer or "")
        if address.scheme != "http" or address.hostname != HOST or not address.port:
            raise ValueError(f"GOLF_OIDC_ISSUER is {settings.oidc_issuer!r}, not http://{HOST}:<port>")
        return cls(settings.data_folder, address.port)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make the pipeline trust this issuer, and sign its links in the Dagster UI."""
        return {
            "GOLF_OIDC_ISSUER": self.url,
            "GOLF_OIDC_AUDIENCE": AUDIENCE,
            "GOLF_OIDC_JWKS_URL": f"{self.url}{JWKS_PATH}",
            "GOLF_OIDC_ROLES_CLAIM": ROLES_CLAIM,
            "GOLF_LINK_KEY": _secret(self.folder / _LINK_KEY_FILE, lambda: secrets.token_urlsafe(32).encode()).decode(),
        }

    def prepare(self) -> None:
        """Make the keys that are missing, and note the address for `mint_token`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key()
        (self.folder / _ADDRESS_FILE).write_text(self.url, encoding="utf-8")

    def key(self) -> rsa.RSAPrivateKey:
        """The signing key, made if there is none yet.

        Raises:
            ValueError: the file is no private RSA key.
        """
        pem = _secret(self.folder / _KEY_FILE, _new_key)
        key = serialization.load_pem_private_key(pem, password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError(f"{self.folder / _KEY_FILE} is no RSA key")
        return key

    def documents(self) -> dict[str, bytes]:
        """What is served, by path."""
        jwk = RSAAlgorithm.to_jwk(self.key().public_key(), as_dict=True)
        published = {**jwk, "kid": key_id(self.key()), "use": "sig", "alg": ALGORITHM}
        discovery = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}{JWKS_PATH}",
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "subject_types_supported": ["public"],
            "response_types_supported": [],
        }
        return {
            DISCOVERY_PATH: json.dumps(discovery).encode(),
            JWKS_PATH: json.dumps({"keys": [published]}).encode(),
        }

    def token(self, user_id: str, roles: Iterable[str] = (), hours: float = 8.0) -> str:
        """A token that the stack's API takes for this user's.

        Raises:
            NoTokenError: the user id, a role or the time cannot be one.
        """
        roles = list(roles)
        if not is_user_id(user_id):
            raise NoTokenError("A user id has 1 to 128 of A-Z a-z 0-9 _ . @ | + - and is not `guest`.")
        if unknown := set(roles) - set(Role):
            raise NoTokenError(f"{', '.join(sorted(unknown))}: the roles are {', '.join(Role)}.")
        if not 0 < hours <= MAX_HOURS:
            raise NoTokenError(f"A token lasts up to {MAX_HOURS} hours.")
        key, now = self.key(), int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": user_id, ROLES_CLAIM: roles, "iat": now}
        claims["exp"] = now + int(hours * 3600)
        return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": key_id(key)})


def mint_token(data_folder: Path, user_id: str, roles: Iterable[str] = (), hours: float = 8.0) -> str:
    """A token for the stack of a data folder, which need not run now.

    Raises:
        NoTokenError: no stack was ever started there, or `DevIssuer.token` says no.
    """
    try:
        address = (data_folder / FOLDER / _ADDRESS_FILE).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NoTokenError(
            f"There is no local stack in {data_folder} yet: start one with `golf-pipeline dev`, or say --data-folder."
        ) from error
    return DevIssuer(data_folder, urlsplit(address).port or 0).token(user_id, roles, hours)


def key_id(key: rsa.RSAPrivateKey) -> str:
    """The id of a key: another one for each data folder, as it is made of the key itself."""
    return f"development-only-{key.public_key().public_numbers().n % 2**64:016x}"


def make_server(issuer: DevIssuer) -> ThreadingHTTPServer:
    """Bind the port; `serve_forever()` answers.

    Raises:
        OSError: the port is taken, or the folder cannot be read.
    """
    documents = issuer.documents()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = documents.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: each start of the API reads two small files here."""

    server = ThreadingHTTPServer((HOST, issuer.port), Handler)
    server.daemon_threads = True
    return server


def main() -> None:
    """Serve until the process is told to end."""
    server = make_server(DevIssuer.from_settings(get_settings()))
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


def _new_key() -> bytes:
    return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _secret(path: Path, make: Callable[[], bytes]) -> bytes:
    """The secret in a file that only its owner reads, made if there is none; whole or not at all."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.tmp")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(make())
    try:
        os.link(fresh, path)  # unlike a rename it never replaces what another process made meanwhile
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_bytes()


if __name__ == "__main__":
    main()
