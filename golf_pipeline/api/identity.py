"""Who is calling: a bearer token's subject and roles, or a guest.

Tokens are RS256 JWTs of the configured issuer (Cognito or any OIDC provider), checked against its keys
(`issuer_keys.py`). Without a token the caller is a guest; a token that cannot be checked is refused and never ignored.
Tokens are never logged. Who may see what is `access.py`.
"""

import hashlib
import logging
import re
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from fastapi import Depends, Security
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from golf_pipeline.api.issuer_keys import IssuerKeys, KeysUnavailableError, is_web_address
from golf_pipeline.api.problems import Problem
from golf_pipeline.settings import Settings
from golf_pipeline.storage.keys import GUEST

ALGORITHM = "RS256"
LEEWAY_S = 30
"""Clocks of issuer and service differ by no more."""
MAX_TOKEN_CHARACTERS = 8 * 1024
MAX_KID_CHARACTERS = 256
REMEMBERED_S = 60.0
"""A token that was checked is not checked again for so long, but never beyond its end."""
REMEMBERED_TOKENS = 10_000

_TOKEN_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
"""RFC 9068 and RFC 8725, section 3.11: a logout token or a link of the same issuer is no identity."""
_OWN_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_USER_ID = re.compile(r"[A-Za-z0-9_.@|+\-]{1,128}")
log = logging.getLogger(__name__)


class Role(StrEnum):
    USER = "user"
    COACH = "coach"
    ADMIN = "admin"


_GIVEN_ROLES = {role.value: role for role in (Role.COACH, Role.ADMIN)}


@dataclass(frozen=True)
class Caller:
    """Who is calling. A guest has no roles and the shared id `guest`."""

    user_id: str
    roles: frozenset[Role] = frozenset()
    linked_to: str | None = None
    """The one swing that a signed link lets this caller read (`access.Reader`)."""

    @property
    def is_guest(self) -> bool:
        return self.user_id == GUEST

    @property
    def is_admin(self) -> bool:
        return Role.ADMIN in self.roles


class IdentityConfigError(ValueError):
    """The GOLF_OIDC_* settings do not fit together; the message is for the operator."""


def verifier_from_settings(settings: Settings) -> "TokenVerifier | None":
    """The verifier of the configured issuer's tokens; None where there is no issuer and tokens are refused.

    Raises:
        IdentityConfigError: a setting is missing or not an address.
    """
    if not settings.oidc_issuer:
        if settings.oidc_audience or settings.oidc_jwks_url:
            raise IdentityConfigError("GOLF_OIDC_ISSUER is not set: without it no token is accepted. Set it as well.")
        return None
    if not settings.oidc_audience:
        raise IdentityConfigError(
            "GOLF_OIDC_AUDIENCE is not set: without it the tokens of every app of the issuer would be accepted."
        )
    for name, url in (("GOLF_OIDC_JWKS_URL", settings.oidc_jwks_url), ("GOLF_OIDC_ISSUER", settings.oidc_issuer)):
        if url and not is_web_address(url):
            raise IdentityConfigError(f"{name} is not an http or https address.")
        if url is not None and urlsplit(url).scheme == "http" and urlsplit(url).hostname not in _OWN_MACHINE:
            log.warning("%s is an http address: whoever sits between can forge tokens; use https", name)
    return TokenVerifier(
        settings.oidc_issuer, settings.oidc_audience, settings.oidc_jwks_url or None, settings.oidc_roles_claim
    )


class TokenVerifier:
    """Checks bearer tokens of one issuer; one for the whole process, as it keeps the issuer's keys."""

    def __init__(self, issuer: str, audience: str, jwks_url: str | None, roles_claim: str) -> None:
        self._issuer, self._audience, self._roles_claim = issuer, audience, roles_claim
        self._keys = IssuerKeys(issuer, jwks_url)
        self._remembered: dict[bytes, tuple[Caller, float]] = {}
        self._remembered_version = 0

    async def caller(self, token: str) -> Caller:
        """The caller that a token names.

        Raises:
            Problem: 401, the token has expired or is not valid; 503, the issuer's keys cannot be had.
        """
        if len(token) > MAX_TOKEN_CHARACTERS or not _TOKEN.fullmatch(token):
            raise _refused("its form")
        digest = hashlib.sha256(token.encode()).digest()
        caller, until = self._remembered.get(digest, (None, 0.0))
        if caller is not None and time.time() < until and self._remembered_version == self._keys.version:
            return caller
        try:
            key = await self._keys.find(_key_id(token))
        except KeysUnavailableError as error:
            raise Problem(
                503, "IDENTITY_UNAVAILABLE", "Tokens cannot be checked right now. Please try again in a moment."
            ) from error
        if key is None:
            raise _refused("an unknown key")
        claims = self._checked_claims(token, key)
        caller = Caller(_subject(claims), _roles(claims.get(self._roles_claim)))
        self._remember(digest, caller, int(claims["exp"]))
        return caller

    def _checked_claims(self, token: str, key: RSAPublicKey) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                leeway=LEEWAY_S,
                # The audience is checked below: PyJWT knows nothing of Cognito's access tokens.
                options={"require": ["exp", "iss", "sub"], "verify_aud": False},
            )
        except jwt.ExpiredSignatureError as error:
            raise _unauthorized("TOKEN_EXPIRED", "The token has expired. Sign in again.") from error
        except (jwt.PyJWTError, RecursionError) as error:
            raise _refused(type(error).__name__) from error
        if not _is_meant_for(claims, self._audience):
            raise _refused("its audience")
        return claims

    def _remember(self, digest: bytes, caller: Caller, expires: int) -> None:
        if self._remembered_version != self._keys.version:
            self._remembered.clear()  # the key of a token may have been withdrawn
            self._remembered_version = self._keys.version
        if len(self._remembered) >= REMEMBERED_TOKENS:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = (caller, min(time.time() + REMEMBERED_S, expires + LEEWAY_S))


def _key_id(token: str) -> str:
    """The id of the key that a token names; nothing else of its header is believed, least of all where keys are."""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, RecursionError) as error:
        raise _refused("its header") from error
    kid, kind = header.get("kid"), header.get("typ", "JWT")
    if header.get("alg") != ALGORITHM or "crit" in header or "b64" in header:
        raise _refused("its algorithm")
    if not isinstance(kind, str) or kind.lower() not in _TOKEN_TYPES:
        raise _refused("its type")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_CHARACTERS:
        raise _refused("its key's id")
    return kid


def _is_meant_for(claims: dict[str, Any], audience: str) -> bool:
    """Whether a token is for this service: by `aud`, or, of Cognito's access tokens, which have none, by their client.

    https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
    """
    if claims.get("token_use", "access") not in ("id", "access"):
        return False
    if "aud" not in claims:
        return claims.get("token_use") == "access" and claims.get("client_id") == audience
    named = claims["aud"]
    return bool(named == audience or (isinstance(named, list) and audience in named))


def is_user_id(subject: object) -> bool:
    """Whether a token's subject can be a user's id here: it becomes a part of keys in S3."""
    return isinstance(subject, str) and bool(_USER_ID.fullmatch(subject)) and subject not in {GUEST, ".", ".."}


def _subject(claims: dict[str, Any]) -> str:
    subject: str = claims["sub"]
    if not is_user_id(subject):
        raise _unauthorized("INVALID_TOKEN", "The token names no user.")
    return subject


def _roles(named: object) -> frozenset[Role]:
    """The roles of a claim that is a list or, as some issuers write it, one text with spaces or commas."""
    names = re.split(r"[\s,]+", named) if isinstance(named, str) else named if isinstance(named, list) else []
    known = (_GIVEN_ROLES.get(name) for name in names if isinstance(name, str))
    return frozenset({Role.USER, *(role for role in known if role is not None)})


def _refused(reason: str) -> Problem:
    log.info("a token was refused: %s", reason)
    return _unauthorized("INVALID_TOKEN", "The token is not valid. Sign in again.")


def _unauthorized(code: str, detail: str) -> Problem:
    """RFC 6750, section 3.1."""
    return Problem(
        401, code, detail, {"WWW-Authenticate": f'Bearer error="invalid_token", error_description="{detail}"'}
    )


class _BearerToken(SecurityBase):
    """The token of a request, None where none came; and how OpenAPI shows it."""

    def __init__(self) -> None:
        self.model = HTTPBearer(
            bearerFormat="JWT", description="A token of the configured issuer; without one you are a guest."
        )
        self.scheme_name = "token"

    async def __call__(self, connection: HTTPConnection) -> str | None:
        given = connection.headers.getlist("authorization")
        if not given:
            return None
        scheme, _, token = given[0].partition(" ")
        if len(given) > 1 or scheme.lower() != "bearer" or not token.strip():
            raise _unauthorized("INVALID_TOKEN", "Send one token as: Authorization: Bearer <token>.")
        return token.strip()


bearer_token = _BearerToken()


async def identify(connection: HTTPConnection, token: str | None) -> Caller:
    """The caller that a token names, of an HTTP request or a WebSocket; a guest without one.

    Raises:
        Problem: as `TokenVerifier.caller`; 401 where this service checks no tokens.
    """
    if token is None:
        return Caller(GUEST)
    verifier: TokenVerifier | None = connection.app.state.verifier
    if verifier is None:
        raise _unauthorized(
            "IDENTITY_NOT_CONFIGURED", "This service cannot check tokens. Call it without one, as a guest."
        )
    return await verifier.caller(token)


async def calling(connection: HTTPConnection, token: Annotated[str | None, Security(bearer_token)]) -> Caller:
    """The caller of a request; a guest where no token came."""
    caller = await identify(connection, token)
    connection.state.caller = caller  # for the log, which writes a hash of the id
    return caller


async def signed_in(caller: Annotated[Caller, Depends(calling)]) -> Caller:
    """The caller, who must not be a guest."""
    if caller.is_guest:
        raise Problem(401, "SIGN_IN_NEEDED", "Sign in: this needs a bearer token.")
    return caller


async def coaching(caller: Annotated[Caller, Depends(signed_in)]) -> Caller:
    """The caller, who must be a coach (or an admin)."""
    if not caller.roles & {Role.COACH, Role.ADMIN}:
        raise Problem(403, "ROLE_NEEDED", "This is for coaches: the token must carry the role coach.")
    return caller


AnyCaller = Annotated[Caller, Depends(calling)]
SignedIn = Annotated[Caller, Depends(signed_in)]
CoachCaller = Annotated[Caller, Depends(coaching)]
