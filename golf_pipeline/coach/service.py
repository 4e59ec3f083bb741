"""One question to an OpenAI-compatible service: what it says, what that cost, or a reason in plain words why nothing.

What differs between services is settled here: a model that refuses a fixed temperature or a seed is asked without, one
that knows no strict schema in JSON mode with the schema in words, an older one with `max_tokens`. Each is tried once a
question, and such a refusal costs nothing.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from golf_pipeline.coach.budget import Price, estimated_tokens
from golf_pipeline.coach.documents import Spent
from golf_pipeline.coach.prompts import schema_in_words

if TYPE_CHECKING:
    import httpx2
    from openai import APIStatusError, OpenAI, OpenAIError
    from openai.types.chat import ChatCompletion

OPENAI_URL = "https://api.openai.com/v1"
"""Given to the library rather than left to it: it would read an empty OPENAI_BASE_URL as an address."""

LONGEST_RETRY_AFTER_S = 10.0
"""A service that asks to wait longer is not waited for: the library would wait up to two minutes a retry, and a golfer
waits with it. So a question ends within (retries + 1) * (2 * time-out + 10 s) once it is connected."""

SEED = 1

_PASSING = frozenset({408, 409, 429})
"""Refusals that another try in a moment may not meet, besides the service's own failures."""

_OPTIONS = {
    "temperature": ("temperature",),
    "seed": ("seed",),
    "max_completion_tokens": ("max_completion_tokens",),
    "json_schema": ("response_format", "json_schema", "structured output"),
    "tools": ("tool", "function call"),
}
"""What can be done without, and the words by which a refusal names it."""


class CoachUnavailableError(Exception):
    """No answer of the model: the message says why in a few words that may be shown to an operator.

    `served` says that the service is well and would not answer this one question; `may_pass` that the same question
    may be answered in a moment, and `retry_after_s` when, where the service says so.
    """

    def __init__(
        self,
        reason: str,
        spent: Spent | None = None,
        *,
        served: bool = False,
        may_pass: bool = False,
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(reason)
        self.spent = spent or Spent()
        self.served = served
        self.may_pass = may_pass
        self.retry_after_s = retry_after_s


class ToolsRefusedError(CoachUnavailableError):
    """The service or its model knows no tools; it can be asked for an answer all the same."""


@dataclass(frozen=True)
class ToolCall:
    """What a model asks for, as it came: neither name nor arguments are checked."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Reply:
    text: str
    model: str
    spent: Spent
    cut_off: bool
    tool_calls: tuple[ToolCall, ...] = ()


def connect(api_key: str, base_url: str | None, *, timeout_s: float, retries: int) -> "OpenAI":
    """A client with a time-out and the library's own backoff; importing it costs half a second, hence here."""
    from openai import DefaultHttpxClient, OpenAI

    hooks: dict[str, list[Callable[..., Any]]] = {
        "request": [_note_begin],
        "response": [_forget_long_waits, _hold_to_the_time_out],
    }
    return OpenAI(
        api_key=api_key,
        base_url=base_url or OPENAI_URL,
        timeout=timeout_s,
        max_retries=retries,
        http_client=DefaultHttpxClient(event_hooks=hooks),
    )


def ask(
    client: "OpenAI",
    model: str,
    price: Price,
    messages: list[dict[str, Any]],
    form: dict[str, Any],
    most_answer_tokens: int,
    *,
    timeout_s: float | None = None,
) -> Reply:
    """Ask once (the client repeats what the service could not take).

    Args:
        form: the response format of an answer, or `{"tools": [...]}` and their options where the model may call some.
        timeout_s: of each try; None: the client's own.

    Raises:
        CoachUnavailableError: the service failed, refused, or gave no answer at all.
    """
    estimated_in = estimated_tokens(messages, form, price.image_tokens)
    # A service goes on with what nobody waits for any more, and bills it: so each try may have cost a whole answer.
    tries = client.max_retries + 1
    with _named_errors(unanswered=price.of(tries * estimated_in, tries * most_answer_tokens)):
        request = _Request(messages, form, most_answer_tokens, timeout_s)
        completion: Any = _complete(client, model, request)
    choices: Any = getattr(completion, "choices", None)
    message = getattr(choices[0], "message", None) if isinstance(choices, list) and choices else None
    content = getattr(message, "content", None)
    text = content if isinstance(content, str) else ""
    spent = _counted(getattr(completion, "usage", None), price)
    if spent is None:  # not every compatible service counts
        spent = price.of(estimated_in, most_answer_tokens if text else 0)
    if message is None:
        raise CoachUnavailableError("the model gave no answer", spent)
    if getattr(message, "refusal", None):
        raise CoachUnavailableError("the model refused to answer", spent, served=True)
    if choices[0].finish_reason == "content_filter":
        raise CoachUnavailableError("the service's content filter held the answer back", spent, served=True)
    named = completion.model if isinstance(completion.model, str) and completion.model else model
    cut_off = choices[0].finish_reason == "length"
    return Reply(text, named, spent, cut_off, tuple(_tool_calls(message)))


def _tool_calls(message: object) -> Iterator[ToolCall]:
    calls = getattr(message, "tool_calls", None)
    for call in calls if isinstance(calls, list) else []:
        function = getattr(call, "function", None)
        name, arguments = getattr(function, "name", None), getattr(function, "arguments", None)
        yield ToolCall(name if isinstance(name, str) else "", arguments if isinstance(arguments, str) else "")


def _counted(usage: object, price: Price) -> Spent | None:
    """What the service counted; None where it did not, or not in whole tokens: the library passes on what came."""
    tokens_in, tokens_out = getattr(usage, "prompt_tokens", None), getattr(usage, "completion_tokens", None)
    if not isinstance(tokens_in, int) or not isinstance(tokens_out, int) or tokens_in <= 0 or tokens_out < 0:
        return None
    return price.of(tokens_in, tokens_out)


@dataclass(frozen=True)
class _Request:
    messages: list[dict[str, Any]]
    form: dict[str, Any]
    most_answer_tokens: int
    timeout_s: float | None

    def without(self, left_out: set[str]) -> dict[str, Any]:
        request: dict[str, Any] = {"messages": self.messages}
        if "tools" in self.form:
            request |= self.form
        elif "json_schema" in left_out:
            system = self.messages[0]["content"] + "\n\n" + schema_in_words(self.form)
            request["messages"] = [{**self.messages[0], "content": system}, *self.messages[1:]]
            request["response_format"] = {"type": "json_object"}
        else:
            request["response_format"] = self.form
        limit = "max_tokens" if "max_completion_tokens" in left_out else "max_completion_tokens"
        request[limit] = self.most_answer_tokens
        if "temperature" not in left_out:
            request["temperature"] = 0
        if "seed" not in left_out:
            request["seed"] = SEED
        if self.timeout_s is not None:
            request["timeout"] = self.timeout_s
        return request


def _complete(client: "OpenAI", model: str, request: _Request) -> "ChatCompletion":
    from openai import BadRequestError, UnprocessableEntityError

    without: set[str] = set()
    while True:
        try:
            completion: ChatCompletion = client.chat.completions.create(model=model, **request.without(without))
            return completion
        except (BadRequestError, UnprocessableEntityError) as error:
            refused = _refused_option(error) - without
            if "tools" in refused and "tools" in request.form:
                raise ToolsRefusedError("the model service knows no tools", served=True) from error
            refused -= {"tools"}
            if not refused:
                raise
            without |= refused


def _refused_option(error: "APIStatusError") -> set[str]:
    said = f"{error.param or ''} {error.message} {error.body or ''}".lower()
    return {option for option, words in _OPTIONS.items() if any(word in said for word in words)}


@contextmanager
def _named_errors(unanswered: Spent) -> Iterator[None]:
    """Args: unanswered: what a question costs that was sent and not answered in time."""
    from httpx2 import ReadTimeout
    from openai import APIConnectionError, APIStatusError, OpenAIError

    try:
        yield
    except APIStatusError as error:
        if error.code == "content_filter":  # services that read the question first refuse it with 400
            raise CoachUnavailableError("the service's content filter held the question back", served=True) from error
        may_pass = error.status_code in _PASSING or error.status_code >= 500
        wait_s = _asked_to_wait_s(error.response)
        raise CoachUnavailableError(_reason(error), may_pass=may_pass, retry_after_s=wait_s) from error
    except OpenAIError as error:
        spent = unanswered if isinstance(error.__cause__, ReadTimeout) else None
        may_pass = isinstance(error, APIConnectionError)
        raise CoachUnavailableError(_reason(error), spent, may_pass=may_pass) from error
    except (ValueError, AttributeError, TypeError) as error:
        # A body that is no JSON, or JSON of another service: the library lets these through as they come.
        raise CoachUnavailableError("the model service answered in another form") from error


def _reason(error: "OpenAIError") -> str:
    import openai

    reasons: tuple[tuple[type[Exception], str], ...] = (
        (openai.APITimeoutError, "the model service did not answer in time"),
        (openai.APIConnectionError, "the model service cannot be reached"),
        (openai.RateLimitError, "the model service is busy or its quota is used up (429)"),
        (openai.AuthenticationError, "the model service refused the key (401)"),
        (openai.PermissionDeniedError, "the key may not use this model (403)"),
        (openai.NotFoundError, "the model service does not know this model or path (404)"),
        (openai.BadRequestError, "the model service refused the request (400)"),
        (openai.UnprocessableEntityError, "the model service refused the request (422)"),
    )
    for kind, reason in reasons:
        if isinstance(error, kind):
            return reason
    status = getattr(error, "status_code", None)
    return f"the model service failed ({status or type(error).__name__})"


def _asked_to_wait_s(response: "httpx2.Response") -> float:
    """What the service asks to wait before another try; 0 where it asks nothing, or longer than anybody would."""
    for header, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(response.headers.get(header, "")) * unit_s)
        except ValueError:
            continue
    return 0.0


def _forget_long_waits(response: "httpx2.Response") -> None:
    for header in ("retry-after", "retry-after-ms"):
        try:
            wait_s = float(response.headers.get(header, 0)) / (1000 if header.endswith("ms") else 1)
        except ValueError:  # a date: the library would wait up to two minutes for it
            wait_s = float("inf")
        if wait_s > LONGEST_RETRY_AFTER_S:
            del response.headers[header]


def _note_begin(request: "httpx2.Request") -> None:
    request.extensions["begun_at"] = time.monotonic()


def _hold_to_the_time_out(response: "httpx2.Response") -> None:
    """Hold the whole answer to the time-out of its request.

    The library's own is one of each piece, and there are services that send empty lines while the model thinks, for
    minutes.
    """
    import httpx2

    timeout_s = response.request.extensions["timeout"]["read"]

    class Timed(httpx2.SyncByteStream):
        def __init__(self, stream: httpx2.SyncByteStream, request: httpx2.Request) -> None:
            self._stream, self._request = stream, request

        def __iter__(self) -> Iterator[bytes]:
            for piece in self._stream:
                if time.monotonic() > self._request.extensions["begun_at"] + timeout_s:
                    raise httpx2.ReadTimeout("the answer did not end in time", request=self._request)
                yield piece

        def close(self) -> None:
            self._stream.close()

    if isinstance(response.stream, httpx2.SyncByteStream):
        response.stream = Timed(response.stream, response.request)
