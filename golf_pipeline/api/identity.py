"""Who is calling: a bearer token's subject and roles, or a guest.

Tokens are RS256 JWTs of the configured issuer (Cognito or any OIDC provider), checked against its JWKS. Without a token
the caller is a guest; a token that cannot be checked is refused and never ignored. Who may see what is `access.py`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import jwt
from fastapi import Depends, Request

from golf_pipeline.api.problems import Problem
from golf_pipeline.settings import Settings
from golf_pipeline.storage.keys import GUEST

ALGORITHMS = ("RS256",)
LEEWAY_S = 30

_USER_ID = re.compile(r"[A-Za-z0-9_.@|+\-]{1,128}")


class Role(StrEnum):
    USER = "user"
    COACH = "coach"
    ADMIN = "admin"


@dataclass(frozen=True)
class Caller:
    """Who is calling. A guest has no roles and the shared id `guest`."""

    user_id: str
    roles: frozenset[Role] = frozenset()

    @property
    def is_guest(self) -> bool:
        return self.user_id == GUEST

    @property
    def is_admin(self) -> bool:
        return Role.ADMIN in self.roles


class TokenVerifier:
    """Checks bearer tokens of one issuer; one for the whole process, as it keeps the issuer's keys."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys = jwt.PyJWKClient(settings.oidc_jwks_url or "", cache_keys=True)

    def caller(self, token: str) -> Caller:
        """The caller that a token names.

        Raises:
            Problem: 401, the token is not valid; 503, the issuer's keys cannot be had.
        """
        settings = self._settings
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=settings.oidc_audience,
                issuer=settings.oidc_issuer,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise Problem(401, "INVALID_TOKEN", "The token is not valid. Sign in again.") from error
        subject = claims["sub"]
        if not isinstance(subject, str) or not _USER_ID.fullmatch(subject) or subject in {GUEST, ".", ".."}:
            raise Problem(401, "INVALID_TOKEN", "The token names no user.")
        return Caller(subject, _roles(claims.get(settings.oidc_roles_claim)))


def _roles(named: object) -> frozenset[Role]:
    known: Iterable[object] = named if isinstance(named, list) else ()
    return frozenset({Role.USER, *(Role(name) for name in known if name in {Role.COACH, Role.ADMIN})})


async def calling(request: Request) -> Caller:
    """The caller of a request; a guest where no token came."""
    header = request.headers.get("authorization")
    if header is None:
        return Caller(GUEST)
    verifier: TokenVerifier | None = request.app.state.verifier
    if verifier is None:
        raise Problem(
            401, "IDENTITY_NOT_CONFIGURED", "This service cannot check tokens. Call it without one, as a guest."
        )
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem(401, "INVALID_TOKEN", "Send the token as: Authorization: Bearer <token>.")
    return verifier.caller(token.strip())


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
