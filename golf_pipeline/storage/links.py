"""Links that open one result for reading, without signing in: those that operators follow from the Dagster UI.

A link is a JWT signed with the deployment's own key (HS256), for one analysis and with an end. Its audience and type
are its own, its algorithm is pinned, and its key signs no other token: so it is never taken for a bearer token, nor a
bearer token for a link. Who holds the key may read every result.
"""

import time

import jwt

ALGORITHM = "HS256"
AUDIENCE = "golf-pipeline-result-link"
TYPE = "golf-link+jwt"
MAX_CHARACTERS = 2048


def sign_link(analysis_id: str, key: str, expires_s: float) -> str:
    """A link's token for one analysis."""
    claims = {"aud": AUDIENCE, "sub": analysis_id, "exp": int(time.time() + expires_s)}
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"typ": TYPE})


def link_opens(link: str, analysis_id: str, key: str) -> bool:
    """Whether a link's token is good now, and for this analysis."""
    if len(link) > MAX_CHARACTERS:
        return False
    try:
        read = jwt.decode_complete(
            link,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            options={"require": ["aud", "sub", "exp"], "strict_aud": True},
        )
    except (jwt.PyJWTError, RecursionError):
        return False
    return bool(read["header"].get("typ") == TYPE and read["payload"]["sub"] == analysis_id)
