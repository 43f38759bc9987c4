"""The client with which a process calls an OpenAI-compatible server, and one call."""

import time
from collections.abc import Generator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import openai

from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads.contract import Outcome, Piece, Usage
from chalicelib.workloads.openai.answer import ChatAnswer
from chalicelib.workloads.openai.failures import FAILURES, failure_of
from chalicelib.workloads.openai.key import secret_value
from chalicelib.workloads.openai.request import chat_arguments
from chalicelib.workloads.openai.settings import OpenAISettings

CONNECT_TIMEOUT: Final = 5.0  # seconds
NO_KEY: Final = "none"  # the library requires a key; a server without keys ignores it
OPENAI: Final = "api.openai.com"


@dataclass(frozen=True, slots=True)
class Service:
    """What every call uses.

    Attributes:
        client: Of the official library.
        url: The server's, without secrets, for messages.
        limit: The server's name for the option with the maximum number of tokens.
    """

    client: openai.OpenAI
    url: str
    limit: str

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
            with self.client.chat.completions.create(**arguments) as stream:
                for chunk in stream:
                    pieces = list(answer.receive(chunk))
                    if not has_answered:
                        has_answered = True
                        yield Usage(answer.usage(seconds=time.monotonic() - began))
                    yield from pieces
        except FAILURES as error:
            if has_answered:
                yield Usage(answer.usage(seconds=time.monotonic() - began))
            raise failure_of(
                error, model=request.model, url=self.url, answer_id=answer.id, has_answered=has_answered
            ) from error
        seconds = time.monotonic() - began
        yield Usage(answer.usage(seconds=seconds))
        return answer.outcome(seconds=seconds)


@lru_cache(maxsize=1)
def service_of(settings: OpenAISettings) -> Service:
    """Make the client, once for the same settings. The library does not retry: `retrying` decides about that.

    Raises:
        WorkloadFailed: The key could not be read from AWS Secrets Manager.
    """
    url = urlsplit(settings.url or "")
    client = openai.OpenAI(
        base_url=settings.url,
        api_key=settings.key or (secret_value(settings.secret) if settings.secret else NO_KEY),
        max_retries=0,
        timeout=openai.Timeout(settings.silence, connect=CONNECT_TIMEOUT),
    )
    # OpenAI's newer models refuse `max_tokens`; other servers may know only that name.
    limit = "max_completion_tokens" if url.hostname == OPENAI else "max_tokens"
    return Service(client, urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, "", "")), limit)
