"""How a failed call to a model becomes the error of its job."""

import re
from typing import Final

from msgspec import Struct

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.workloads.retrying import TemporaryFailure

MAX_QUOTED: Final = 400  # characters of the service's own message

# How services say that the conversation is too long. A limit of `max_tokens` alone is another thing.
_ABOUT_LENGTH: Final = re.compile(
    r"\bcontext[ _-]*(length|size|window|limit)"
    r"|\b(maximum|max|exceed\w*|beyond|fit\w*|larger than|longer than)\b.{0,60}\bcontext\b"
    r"|\b(prompt|inputs?|request|text|conversation|messages?)\b.{0,40}\b(is|are|was) (too|very) (long|large|big)\b"
    r"|\btoo (long\b|(many|large)( total| input| prompt| text)* (bytes|tokens|characters))|\brequest too large\b"
    r"|\b(inputs?|prompt)\b.{0,60}\btokens?\b.{0,60}(\bmust\b|exceed|maximum|less than|limit|<)"
    r"|\b(inputs?|prompt)\b.{0,20}\b(must|should)\b.{0,30}\btokens\b"
    r"|\bexceed\w* .{0,40}\b(tokens?|length)\b"
    r"|\b(maximum|max)( number of)? (input|prompt|total|sequence|allowed|context|model)[ _]?(tokens?|length|size|len)\b"
    r"|\bmax_(model|seq|input|prompt)_(len|length|tokens)\b|\breduce the (length|size) of",
    re.IGNORECASE | re.DOTALL,
)


def is_about_length(message: str) -> bool:
    """Whether a service's message says that the conversation has more tokens than the model takes."""
    return _ABOUT_LENGTH.search(message) is not None


class ModelFailure(Struct, frozen=True):
    """One kind of failure of a model's service.

    Attributes:
        error_type: Of the job.
        what: What happened, as a clause with the names in braces that `error` fills in, such as "{model} failed".
        advice: What the job's owner can do, with the same names.
        max_calls: How many calls to make in total; more than 1 if the failure may be temporary.
        quotes_service: False if the service's own message must not be shown, because it may contain a secret.
    """

    error_type: ErrorType
    what: str
    advice: str
    max_calls: int = 1
    quotes_service: bool = True

    def error(
        self, *, names: dict[str, str], request_id: str = "", message: str = "", retry_after: float | None = None
    ) -> WorkloadFailed:
        """The error to raise: a `TemporaryFailure` if another call may succeed.

        Args:
            names: Values for the names in `what` and `advice`.
            request_id: The service's id of the request; empty if there is none.
            message: The service's own message; empty if it adds nothing.
            retry_after: The wait in seconds that the service asked for, or None.
        """
        request = f" (request {request_id})" if request_id else ""
        message = message.strip().rstrip(".")[:MAX_QUOTED] if self.quotes_service else ""
        cause = f"{self.what.format(**names)}{request}{f': {message}' if message else ''}"
        advice = self.advice.format(**names)
        if self.max_calls == 1:
            return WorkloadFailed(f"{cause}; {advice}", self.error_type)
        return TemporaryFailure(cause, advice, self.error_type, max_calls=self.max_calls, retry_after=retry_after)
