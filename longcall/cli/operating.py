"""The operator's mutation: one update of a job's status, signed with AWS Signature Version 4."""

import json
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import aiohttp

from longcall.addresses import is_loopback
from longcall.cli.stack import Stack
from longcall.errors import (
    ConfigurationError,
    InvalidInput,
    JobNotFound,
    NotAuthorized,
    ProtocolError,
    RequestRejected,
    Unreachable,
)
from longcall.faults import is_token_refused, parse_faults
from longcall.models import Event, JobId, Json, Status, parse_event
from longcall.transport import Request

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

SERVICE: Final = "appsync"
NO_CREDENTIALS: Final = "no AWS credentials were found; sign in with `aws configure`, or set AWS_PROFILE"
PATIENCE: Final = 35.0  # seconds; AppSync answers within 30


async def report(stack: Stack, job_id: JobId, status: Status, *, result: str | None, error: str | None) -> Event:
    """Move a job to a status; gives the event that now stands in its log.

    Args:
        stack: Whose job it is.
        job_id: The job.
        status: Where it is to stand.
        result: A JSON text, with COMPLETED.
        error: What went wrong, with FAILED.

    Raises:
        InvalidInput: The result is no JSON; nothing was sent.
        ConfigurationError: There are no AWS credentials.
        NotAuthorized: They do not allow this mutation.
        JobNotFound, RequestRejected, Unreachable, ProtocolError
    """
    if result is not None and not _is_json(result):
        raise InvalidInput("""--result is no JSON; write it like --result '{"pages": 7}'""")
    update: dict[str, Json] = {"jobId": job_id, "status": status, "updateId": str(uuid4())}
    update |= {name: value for name, value in (("result", result), ("error", error)) if value is not None}
    answer = await _send(stack, json.dumps(Request("update_status", {"input": update}).payload).encode())
    if answer.get("errors"):
        faults = parse_faults(answer["errors"])
        if is_token_refused(faults) or any(fault.error_type == "Unauthorized" for fault in faults):
            raise NotAuthorized(
                "these AWS credentials may not report; they need appsync:GraphQL on Mutation.updateStatus of this API"
            )
        rejected = RequestRejected(faults)
        raise JobNotFound(job_id) if rejected.error_type == "JobNotFound" else rejected
    return parse_event((answer.get("data") or {}).get("updateStatus"))


def signed_headers(stack: Stack, body: bytes, credentials: "ReadOnlyCredentials") -> dict[str, str]:
    """The headers of a signed request to the stack's API."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    request = AWSRequest("POST", stack.graphql_url, headers={"Content-Type": "application/json"}, data=body)
    SigV4Auth(credentials, SERVICE, stack.region).add_auth(request)
    return dict(request.headers.items())


def credentials_for(stack: Stack) -> "ReadOnlyCredentials":
    """The local stack's own operator, or who this shell is to AWS.

    Raises:
        ConfigurationError
    """
    try:
        from botocore.credentials import Credentials
        from botocore.session import get_session
    except ModuleNotFoundError:
        raise ConfigurationError("signing for AWS needs boto3; run `pip install boto3`") from None
    if stack.is_local:
        if stack.operator is None:
            raise ConfigurationError("the stack file names no operator; start the stack again with this version")
        return Credentials(*stack.operator).get_frozen_credentials()
    found = get_session().get_credentials()
    if found is None:
        raise ConfigurationError(NO_CREDENTIALS)
    return found.get_frozen_credentials()


async def _send(stack: Stack, body: bytes) -> dict[str, Any]:
    headers = signed_headers(stack, body, credentials_for(stack))
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=PATIENCE), trust_env=not is_loopback(stack.graphql_url)
            ) as session,
            session.post(stack.graphql_url, data=body, headers=headers) as response,
        ):
            answer = await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError) as exc:
        raise Unreachable(f"no answer from {stack.graphql_url}") from exc
    except ValueError as exc:
        raise ProtocolError(f"{stack.graphql_url} did not answer as a GraphQL API; check its address") from exc
    if not isinstance(answer, dict):
        raise ProtocolError(f"{stack.graphql_url} did not answer as a GraphQL API; check its address")
    return answer


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
