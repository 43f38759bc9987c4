"""Failures of calls to Bedrock: which kind each error is, and what the job's owner reads.

Sources:
    Amazon Bedrock API Reference, ConverseStream, Errors; Amazon Bedrock User Guide, "Troubleshooting Amazon Bedrock
    API Error Codes" and "Request access to models".
"""

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
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError
from urllib3.exceptions import ReadTimeoutError as StreamTimeoutError

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.workloads.bedrock.events import MalformedEvent, NoEvents, StreamFailure
from chalicelib.workloads.bedrock.service import NoAccount
from chalicelib.workloads.model_failures import ModelFailure, is_about_length
from chalicelib.workloads.retrying import MAX_CALLS_BUSY, MAX_CALLS_DOWN

# Everything that boto3 and its connections raise during a call.
FAILURES: Final = (
    ClientError, BotoCoreError, HTTPError, ParserError, OSError, NoAccount, ResponseParserError, StreamFailure,
    MalformedEvent, NoEvents,
)  # fmt: skip

TRY_AGAIN: Final = "start the job again, later if the failure repeats"
TRY_LATER: Final = (
    "start the job again later, or ask AWS for a higher quota for this model (Service Quotas, Amazon Bedrock), or use "
    "an inference profile, which spreads calls over several regions"
)
SIGN_IN: Final = (
    "on AWS the function's role supplies them; on the local stack sign in as usual (`aws configure`, `aws sso login` "
    "or AWS_PROFILE) and restart it with `longcall serve --bedrock aws`"
)
GIVE_ACCOUNT: Final = "start the stack with `longcall serve --bedrock aws` to use the account that you are signed in to"
SIGN_IN_AGAIN: Final = "sign in to AWS again and restart the stack; on AWS, check the function's role"
ENABLE: Final = (
    "enable it once for the account: open it in the model catalog of the Bedrock console as a user with "
    "aws-marketplace:Subscribe, give the use case details where the provider asks for them, and wait 2 minutes; or "
    "grant the worker's role bedrock:InvokeModelWithResponseStream for it"
)
GRANT: Final = (
    "grant the missing permission: on the local stack to your own login; on AWS to the role of `inference`, which a "
    "deployment grants what `bedrock` of the stage lists in infrastructure/stages.py"
)
WAIT_LONGER: Final = (
    "start the job again; if the model needs longer before its first token, raise LONGCALL_MODEL_SILENCE_SECONDS, or "
    "model_silence_seconds of the stage"
)
SHORTEN: Final = "send a shorter text, or use a model with a larger context"
CHECK_MODEL: Final = "check the id, and in the Bedrock console that this region has the model"
USE_PROFILE: Final = "use its inference profile, such as us.{model}, and list that in the stage"
CHECK_ENDPOINT: Final = (
    "check the endpoint (`longcall serve --bedrock URL`, or LONGCALL_BEDROCK): a proxy or an emulator has to support "
    "ConverseStream"
)
CHANGE_INPUT: Final = "change the input that it does not take and start again"

THROTTLED: Final = ModelFailure(
    ErrorType.MODEL_THROTTLED, "{model} has no capacity or quota left", TRY_LATER, max_calls=MAX_CALLS_BUSY
)
NOT_READY: Final = ModelFailure(
    ErrorType.MODEL_UNAVAILABLE, "{model} is not ready", TRY_AGAIN, max_calls=MAX_CALLS_BUSY
)
UNAVAILABLE: Final = ModelFailure(
    ErrorType.MODEL_UNAVAILABLE, "Bedrock is not available for {model}", TRY_AGAIN, max_calls=MAX_CALLS_DOWN
)
FAILED: Final = ModelFailure(ErrorType.MODEL_FAILED, "{model} failed", TRY_AGAIN, max_calls=MAX_CALLS_DOWN)
TIMED_OUT: Final = ModelFailure(
    ErrorType.MODEL_TIMED_OUT, "{model} took longer than Bedrock waits", TRY_AGAIN, max_calls=MAX_CALLS_DOWN
)
DENIED: Final = ModelFailure(ErrorType.MODEL_ACCESS_DENIED, "this account may not use {model}", ENABLE)
NOT_GRANTED: Final = ModelFailure(ErrorType.MODEL_ACCESS_DENIED, "the worker may not use {model}", GRANT)
BAD_CREDENTIALS: Final = ModelFailure(
    ErrorType.MODEL_ACCESS_DENIED, "the AWS credentials for {model} are not accepted", SIGN_IN_AGAIN
)
UNKNOWN_MODEL: Final = ModelFailure(
    ErrorType.MODEL_REJECTED_INPUT, "Bedrock has no model {model} in this region", CHECK_MODEL
)
TOO_LONG: Final = ModelFailure(ErrorType.CONTEXT_TOO_LONG, "the text has more tokens than {model} takes", SHORTEN)
NO_ON_DEMAND: Final = ModelFailure(
    ErrorType.MODEL_REJECTED_INPUT, "{model} cannot be called by its own id", USE_PROFILE
)
REJECTED: Final = ModelFailure(ErrorType.MODEL_REJECTED_INPUT, "{model} does not take this input", CHANGE_INPUT)
SILENT: Final = ModelFailure(
    ErrorType.MODEL_TIMED_OUT, "{model} stopped sending data", WAIT_LONGER, max_calls=MAX_CALLS_DOWN
)
BROKEN: Final = ModelFailure(
    ErrorType.MODEL_FAILED, "the answer of {model} was cut off", TRY_AGAIN, max_calls=MAX_CALLS_DOWN
)
NOT_BEDROCK: Final = ModelFailure(
    ErrorType.MODEL_FAILED,
    "the endpoint that was called for {model} does not answer as Amazon Bedrock does",
    CHECK_ENDPOINT,
)
UNREACHABLE: Final = ModelFailure(
    ErrorType.MODEL_UNAVAILABLE, "Bedrock cannot be reached for {model}", TRY_AGAIN, max_calls=MAX_CALLS_DOWN
)
NO_CREDENTIALS: Final = ModelFailure(
    ErrorType.MODEL_ACCESS_DENIED, "no AWS credentials were found to call {model} with", SIGN_IN
)
NO_ACCOUNT: Final = ModelFailure(
    ErrorType.MODEL_UNAVAILABLE,
    "{model} runs on Amazon Bedrock, and this stack has no AWS account for it",
    GIVE_ACCOUNT,
)

# Codes as in HTTP errors; an exception in the stream begins with a lower-case letter.
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

# The service's message narrows its code: each text is part of a message in lower case.
BY_MESSAGE: Final[tuple[tuple[ModelFailure, tuple[str, ...]], ...]] = (
    (NO_ON_DEMAND, ("on-demand throughput",)),
    (UNKNOWN_MODEL, ("model identifier is invalid", "end of its life")),
)
BY_MISSING_PERMISSION: Final[tuple[tuple[ModelFailure, tuple[str, ...]], ...]] = (
    (NOT_GRANTED, ("is not authorized to perform: bedrock",)),
    (DENIED, ("use case details", "access denied", "don't have access", "legacy")),
)


def failure_of(error: Exception, *, model: str, request_id: str) -> WorkloadFailed:
    """The job's error for an error of a call: a `TemporaryFailure` if another call may succeed.

    Args:
        error: One of `FAILURES`.
        model: The model that was called.
        request_id: Of the answer that was being read; empty if no answer had begun.
    """
    failure, message = classify(error)
    return failure.error(names={"model": model}, request_id=_request_id(error) or request_id, message=message)


def classify(error: Exception) -> tuple[ModelFailure, str]:
    """The kind of failure, and the service's message if it adds something."""
    match error:
        case ClientError():
            return _classify_service_error(error)
        case StreamFailure(code=code, words=words):
            return _classify_code(code, words, FAILED)
        case MalformedEvent() | NoEvents() | ResponseParserError():
            return NOT_BEDROCK, ""
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


def _classify_service_error(error: ClientError) -> tuple[ModelFailure, str]:
    details: Any = error.response
    code = str(details.get("Error", {}).get("Code", ""))
    message = str(details.get("Error", {}).get("Message", ""))
    status = details.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    other = BY_STATUS.get(status, FAILED if status >= 500 else REJECTED)
    return _classify_code(code, message, other)


def _classify_code(code: str, message: str, other: ModelFailure) -> tuple[ModelFailure, str]:
    """The kind of failure with this code, or `other`; the message narrows it."""
    failure = BY_CODE.get(code[:1].upper() + code[1:], other)
    if failure in (REJECTED, FAILED) and is_about_length(message):
        return TOO_LONG, message
    hints = {
        REJECTED: BY_MESSAGE, DENIED: BY_MISSING_PERMISSION, UNKNOWN_MODEL: BY_MISSING_PERMISSION
    }.get(failure, ())  # fmt: skip
    for narrower, texts in hints:
        if any(text in message.lower() for text in texts):
            return narrower, message
    return failure, message


def _request_id(error: Exception) -> str:
    details: Any = error.response if isinstance(error, ClientError) else {}
    return str(details.get("ResponseMetadata", {}).get("RequestId", ""))
