"""What can go wrong between a worker and Bedrock: which kind of failure it is, and in which words.

Sources:
    Amazon Bedrock API Reference, ConverseStream, Errors; Amazon Bedrock User Guide, "Troubleshooting Amazon Bedrock
    API Error Codes" and "Request access to models".
"""

from dataclasses import dataclass
from typing import Any, Final

from botocore.eventstream import ParserError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSOError,
    TokenRetrievalError,
)
from urllib3.exceptions import HTTPError
from urllib3.exceptions import ReadTimeoutError as StreamTimeoutError

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.workloads.bedrock.service import NoAccount
from chalicelib.workloads.retrying import FEW, MOST, Passing

# All that boto3 and its connections raise on the way to a model and back.
FAILURES: Final = (ClientError, BotoCoreError, HTTPError, ParserError, OSError, NoAccount)
MAX_WORDS: Final = 400  # characters of what the service says

AGAIN: Final = "start the job again, later if it repeats"
LATER: Final = (
    "start the job again later, or ask AWS for a higher quota for this model (Service Quotas, Amazon Bedrock), or use "
    "an inference profile, which has several regions"
)
NO_KEYS: Final = (
    "on AWS the function's role has them; on the local stack sign in as usual (`aws configure`, `aws sso login` or "
    "AWS_PROFILE) and start it again with `longcall serve --bedrock aws`"
)
ACCOUNT: Final = "start the stack with `longcall serve --bedrock aws` to use the one that you are signed in to"
BAD_KEYS: Final = "sign in to AWS again, and start the stack again from there; on AWS, look at the function's role"
ENABLE: Final = (
    "enable it once for the account: open it in the model catalog of the Bedrock console as somebody with "
    "aws-marketplace:Subscribe, give the use case details where the provider asks for them, and wait 2 minutes; or let "
    "the caller's role have bedrock:InvokeModelWithResponseStream for it"
)
GRANT: Final = (
    "let whoever calls have what is missing: your own login on the local stack; on AWS the role of `inference`, which "
    "a deployment grants what `bedrock` of the stage lists in infrastructure/stages.py"
)
WAIT_LONGER: Final = (
    "start the job again; where a model needs longer before its first word, raise LONGCALL_MODEL_SILENCE_SECONDS, or "
    "model_silence_seconds of the stage"
)
SHORTEN: Final = "send a shorter text, or use a model with a larger context"
CHECK_MODEL: Final = "check the id, and in the Bedrock console that this region has the model"
PROFILE: Final = "use its inference profile, such as us.{model}, and list that in the stage"
CHANGE_INPUT: Final = "change what it does not take and start again"


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of failure. `calls` are how many it is worth, in all: more than one where it may pass."""

    kind: ErrorType
    what: str  # a clause about {model}
    advice: str
    calls: int = 1


THROTTLED: Final = Failure(ErrorType.MODEL_THROTTLED, "{model} has no capacity or quota left", LATER, calls=MOST)
NOT_READY: Final = Failure(ErrorType.MODEL_UNAVAILABLE, "{model} is not ready", AGAIN, calls=MOST)
UNAVAILABLE: Final = Failure(ErrorType.MODEL_UNAVAILABLE, "Bedrock is not available for {model}", AGAIN, calls=FEW)
FAILED: Final = Failure(ErrorType.MODEL_FAILED, "{model} failed", AGAIN, calls=FEW)
TIMED_OUT: Final = Failure(ErrorType.MODEL_TIMED_OUT, "{model} took longer than Bedrock waits", AGAIN, calls=FEW)
DENIED: Final = Failure(ErrorType.MODEL_ACCESS_DENIED, "this account may not use {model}", ENABLE)
NOT_GRANTED: Final = Failure(ErrorType.MODEL_ACCESS_DENIED, "the worker may not use {model}", GRANT)
BAD_CREDENTIALS: Final = Failure(
    ErrorType.MODEL_ACCESS_DENIED, "the AWS credentials for {model} are not accepted", BAD_KEYS
)
UNKNOWN_MODEL: Final = Failure(ErrorType.MODEL_REJECTED_INPUT, "Bedrock has no {model} here", CHECK_MODEL)
TOO_LONG: Final = Failure(ErrorType.CONTEXT_TOO_LONG, "the text has more tokens than {model} takes", SHORTEN)
NO_ON_DEMAND: Final = Failure(ErrorType.MODEL_REJECTED_INPUT, "{model} is not to be had by its own id", PROFILE)
REJECTED: Final = Failure(ErrorType.MODEL_REJECTED_INPUT, "{model} does not take this input", CHANGE_INPUT)
SILENT: Final = Failure(ErrorType.MODEL_TIMED_OUT, "{model} fell silent", WAIT_LONGER, calls=FEW)
BROKEN: Final = Failure(ErrorType.MODEL_FAILED, "the answer of {model} broke off", AGAIN, calls=FEW)
UNREACHABLE: Final = Failure(ErrorType.MODEL_UNAVAILABLE, "Bedrock cannot be reached for {model}", AGAIN, calls=FEW)
NO_CREDENTIALS: Final = Failure(
    ErrorType.MODEL_ACCESS_DENIED, "no AWS credentials were found to call {model} with", NO_KEYS
)
NO_ACCOUNT: Final = Failure(
    ErrorType.MODEL_UNAVAILABLE,
    "{model} runs on Amazon Bedrock, and this stack was given no AWS account for it",
    ACCOUNT,
)

# Codes as HTTP errors have them; an exception in the stream begins with a small letter.
BY_CODE: Final = {
    "ThrottlingException": THROTTLED,
    "ServiceQuotaExceededException": THROTTLED,
    "TooManyRequestsException": THROTTLED,
    "ModelNotReadyException": NOT_READY,
    "ServiceUnavailableException": UNAVAILABLE,
    "ServiceUnavailable": UNAVAILABLE,
    "InternalServerException": FAILED,
    "InternalFailure": FAILED,
    "ModelErrorException": FAILED,
    "ModelStreamErrorException": FAILED,
    "ModelTimeoutException": TIMED_OUT,
    "AccessDeniedException": DENIED,
    "UnrecognizedClientException": BAD_CREDENTIALS,
    "InvalidSignatureException": BAD_CREDENTIALS,
    "IncompleteSignatureException": BAD_CREDENTIALS,
    "MissingAuthenticationTokenException": BAD_CREDENTIALS,
    "ExpiredTokenException": BAD_CREDENTIALS,
    "ResourceNotFoundException": UNKNOWN_MODEL,
    "ValidationException": REJECTED,
}
BY_STATUS: Final = {403: DENIED, 408: TIMED_OUT, 424: FAILED, 429: THROTTLED, 503: UNAVAILABLE}

# What the service's words add to its code; each is part of a message in lower case.
BY_WORDS: Final[tuple[tuple[Failure, tuple[str, ...]], ...]] = (
    (
        TOO_LONG,
        ("too long", "context length", "context window", "context limit", "too many input tokens", "maximum context"),
    ),
    (NO_ON_DEMAND, ("on-demand throughput",)),
    (UNKNOWN_MODEL, ("model identifier is invalid", "end of its life")),
)
BY_LACK: Final[tuple[tuple[Failure, tuple[str, ...]], ...]] = (
    (NOT_GRANTED, ("is not authorized to perform: bedrock",)),
    (DENIED, ("use case details", "access denied", "don't have access", "legacy")),
)


def failure_of(error: Exception, *, model: str, request_id: str) -> WorkloadFailed:
    """What to raise for an error, `Passing` where another try makes sense.

    Args:
        error: One of `FAILURES`.
        model: Which was called.
        request_id: Of the answer that was being read; empty where there was none yet.
    """
    failure, words = classify(error)
    identified = _request_id(error) or request_id
    shown = f" (request {identified})" if identified else ""
    said = f": {words.strip().rstrip('.')[:MAX_WORDS]}" if words.strip() else ""
    happened = f"{failure.what.format(model=model)}{shown}{said}"
    advice = failure.advice.format(model=model)
    if failure.calls == 1:
        return WorkloadFailed(f"{happened}; {advice}", failure.kind)
    return Passing(happened, advice, failure.kind, most=failure.calls)


def classify(error: Exception) -> tuple[Failure, str]:
    """Which failure it is, and the service's words where they add something."""
    match error:
        case ClientError():
            return _of_service(error)
        case ReadTimeoutError() | StreamTimeoutError():
            return SILENT, ""
        case ConnectTimeoutError() | EndpointConnectionError():
            return UNREACHABLE, ""
        case NoAccount():
            return NO_ACCOUNT, ""
        case NoCredentialsError() | PartialCredentialsError() | ProfileNotFound():
            return NO_CREDENTIALS, ""
        case CredentialRetrievalError() | TokenRetrievalError() | SSOError():
            return BAD_CREDENTIALS, str(error)
        case ParamValidationError():
            return REJECTED, str(error)
        case ConnectionClosedError() | HTTPError() | ParserError() | OSError():
            return BROKEN, ""
        case _:
            return FAILED, str(error)


def _of_service(error: ClientError) -> tuple[Failure, str]:
    details: Any = error.response
    code = str(details.get("Error", {}).get("Code", ""))
    words = str(details.get("Error", {}).get("Message", ""))
    status = details.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    other = FAILED if status >= 500 else REJECTED
    failure = BY_CODE.get(code[:1].upper() + code[1:]) or BY_STATUS.get(status, other)
    hints = {REJECTED: BY_WORDS, DENIED: BY_LACK, UNKNOWN_MODEL: BY_LACK}.get(failure, ())
    for narrower, texts in hints:
        if any(text in words.lower() for text in texts):
            return narrower, words
    return failure, words


def _request_id(error: Exception) -> str:
    details: Any = error.response if isinstance(error, ClientError) else {}
    return str(details.get("ResponseMetadata", {}).get("RequestId", ""))
