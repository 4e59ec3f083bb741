"""Fetching the pose model from its official address: the last way to get it, and the only download of the pipeline."""

from urllib.request import Request, urlopen

from golf_pipeline import __version__

TIMEOUT_S = 60.0
MAX_BYTES = 64 * 1024 * 1024


def download(url: str) -> bytes:
    """Return what an https address holds, at most 64 MiB.

    Raises:
        OSError: no answer, or an answer that is no success or too large.
    """
    if not url.startswith("https://"):
        raise OSError(f"refusing to fetch {url}: not https")
    request = Request(url, headers={"User-Agent": f"golf_pipeline/{__version__}"})  # noqa: S310 checked above
    with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
        body: bytes = answer.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise OSError(f"{url} holds more than {MAX_BYTES} bytes")
    return body
