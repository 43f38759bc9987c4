"""An OpenAI-compatible server as one process calls it: the client, made once for it, and one call."""

import time
from collections.abc import Generator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import openai

from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads import Outcome, Piece, Usage
from chalicelib.workloads.openai.answer import Answer
from chalicelib.workloads.openai.failures import FAILURES, failure_of
from chalicelib.workloads.openai.key import secret_value
from chalicelib.workloads.openai.request import chat_arguments
from chalicelib.workloads.openai.settings import OpenAISettings

CONNECT_TIMEOUT: Final = 5.0  # seconds
NO_KEY: Final = "none"  # the library insists on one; a server without keys does not look
OPENAI: Final = "api.openai.com"


@dataclass(frozen=True, slots=True)
class Service:
    """What a call needs."""

    client: openai.OpenAI
    url: str  # to be shown
    limit: str  # what the server calls the most tokens of an answer

    def answer(self, request: InferenceRequest) -> Generator[Piece, None, Outcome]:
        """One call, from the request to the end of its stream.

        Raises:
            WorkloadFailed
        """
        began = time.monotonic()
        answer = Answer(request)
        has_answered = False
        try:
            arguments = chat_arguments(request, limit=self.limit)
            with self.client.chat.completions.create(**arguments) as stream:
                for chunk in stream:
                    has_answered = True
                    yield from answer.receive(chunk)
        except FAILURES as error:
            yield Usage(answer.usage(seconds=time.monotonic() - began))
            raise failure_of(
                error, model=request.model, url=self.url, answer_id=answer.id, has_answered=has_answered
            ) from error
        seconds = time.monotonic() - began
        yield Usage(answer.usage(seconds=seconds))
        return answer.outcome(seconds=seconds)


@lru_cache(maxsize=1)
def service_of(settings: OpenAISettings) -> Service:
    """Make the client, once for the same settings. The library repeats nothing: what to try again, `retrying` says.

    Raises:
        WorkloadFailed: The key could not be read.
    """
    url = urlsplit(settings.url or "")
    client = openai.OpenAI(
        base_url=settings.url,
        api_key=settings.key or (secret_value(settings.secret) if settings.secret else NO_KEY),
        max_retries=0,
        timeout=openai.Timeout(settings.silence, connect=CONNECT_TIMEOUT),
    )
    # OpenAI's newer models refuse `max_tokens`, and other servers may know nothing else.
    limit = "max_completion_tokens" if url.hostname == OPENAI else "max_tokens"
    return Service(client, urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, "", "")), limit)
