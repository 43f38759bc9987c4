"""The client with which a process calls an OpenAI-compatible server, and one call."""

import time
from collections.abc import Generator, Iterable, Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import openai
from msgspec import Struct

from chalicelib.jobs.model import InferenceRequest, Json
from chalicelib.workloads.contract import Outcome, Piece, Usage
from chalicelib.workloads.openai.answer import ChatAnswer, is_chunk
from chalicelib.workloads.openai.events import read_events
from chalicelib.workloads.openai.failures import FAILURES, NoAnswer, failure_of
from chalicelib.workloads.openai.key import secret_value
from chalicelib.workloads.openai.request import chat_arguments
from chalicelib.workloads.openai.settings import OpenAISettings
from chalicelib.workloads.openai.values import Ended, json_values
from chalicelib.workloads.openai.words import ServerError, error_in, is_page, words_in

CONNECT_TIMEOUT: Final = 5.0  # seconds
NO_KEY: Final = "none"  # the library requires a key; a server without keys ignores it
OPENAI: Final = "api.openai.com"


class Service(Struct, frozen=True):
    """What every call uses.

    Attributes:
        client: Of the official library.
        url: The server's, without secrets, for messages.
        key: The server's; empty if it has none. No message may repeat it.
        limit: The server's name for the option with the maximum number of tokens.
    """

    client: openai.OpenAI
    url: str
    key: str
    limit: str

    def __repr__(self) -> str:
        return f"Service(url={self.url!r}, limit={self.limit!r})"  # without the key

    def answer(self, request: InferenceRequest) -> Generator[Piece, None, Outcome]:
        """Make one call, and read its stream to the end.

        Raises:
            BudgetExceeded: The model stopped at the job's `maxTokens`.
            WorkloadFailed: The call failed, or the answer ended early.
        """
        began = time.monotonic()
        answer = ChatAnswer(request)
        has_answered = False
        try:
            arguments = chat_arguments(request, limit=self.limit)
            # The library's own reader loses text and the server's words, see `events`; so only its bytes are read.
            with self.client.chat.completions.with_streaming_response.create(**arguments) as response:
                for chunk in _chunks(response.iter_bytes()):
                    pieces = list(answer.receive(chunk))
                    if answer.has_begun and not has_answered:
                        has_answered = True
                        yield Usage(answer.usage(seconds=time.monotonic() - began))
                    yield from pieces
            yield from answer.end()
        except FAILURES as error:
            if has_answered:
                yield Usage(answer.usage(seconds=time.monotonic() - began))
            raise failure_of(
                error,
                model=request.model,
                url=self.url,
                key=self.key,
                answer_id=answer.id,
                has_answered=has_answered,
            ) from error
        seconds = time.monotonic() - began
        yield Usage(answer.usage(seconds=seconds))
        return answer.outcome(seconds=seconds)


def _chunks(body: Iterable[bytes]) -> Iterator[Json]:
    """The values in the body of an answer, up to its end.

    Raises:
        ServerError: The server reports a failure.
        NoAnswer: There is no value, or a web page.
        BrokenData, EventTooLarge: See `values` and `events`.
    """
    has_answered = False
    try:
        for event in read_events(body):
            if not has_answered and is_page(event.data):
                raise NoAnswer(is_page=True)
            for value in json_values(event):
                words = words_in(value) if event.name == "error" else error_in(value)
                if words is not None:
                    raise ServerError(words)
                has_answered = has_answered or is_chunk(value)
                yield value
    except Ended:
        pass
    if not has_answered:
        raise NoAnswer(is_page=False)


@lru_cache(maxsize=1)
def service_of(settings: OpenAISettings) -> Service:
    """Make the client, once for the same settings. The library does not retry: `retrying` decides about that.

    Raises:
        WorkloadFailed: The key could not be read from AWS Secrets Manager.
    """
    url = urlsplit(settings.url or "")
    key = settings.key or (secret_value(settings.secret) if settings.secret else "")
    client = openai.OpenAI(
        base_url=settings.url,
        api_key=key or NO_KEY,
        max_retries=0,
        timeout=openai.Timeout(settings.silence, connect=CONNECT_TIMEOUT),
    )
    # OpenAI's newer models refuse `max_tokens`; other servers may know only that name.
    limit = "max_completion_tokens" if url.hostname == OPENAI else "max_tokens"
    return Service(client, urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, "", "")), key, limit)
