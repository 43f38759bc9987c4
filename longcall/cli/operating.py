"""The operator's mutation: changes a job's status, signed with AWS Signature Version 4."""

import json
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from longcall.cli.stack import Stack
from longcall.errors import (
    ConfigurationError,
    InvalidInput,
    JobNotFound,
    NotAuthorized,
    ProtocolError,
    RequestRejected,
)
from longcall.faults import is_token_refused, parse_faults
from longcall.json_post import NotJson, post_json
from longcall.models import Event, JobId, Json, Status
from longcall.operations import Request
from longcall.parsing import parse_event

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

SERVICE: Final = "appsync"
NO_CREDENTIALS: Final = "no AWS credentials were found; sign in with `aws configure`, or set AWS_PROFILE"
TIMEOUT: Final = 35.0  # seconds; AppSync answers within 30


async def report(stack: Stack, job_id: JobId, status: Status, *, result: str | None, error: str | None) -> Event:
    """Change a job's status.

    Args:
        stack: The stack that runs the job.
        job_id: The job.
        status: The new status.
        result: With COMPLETED: a JSON text.
        error: With FAILED: what went wrong.

    Returns:
        The event that was added to the job's log.

    Raises:
        InvalidInput: The result is not JSON. Nothing was sent.
        ConfigurationError: There are no AWS credentials.
        NotAuthorized: The credentials do not allow this mutation.
        JobNotFound: The stack has no such job.
        RequestRejected: The API refuses the change; `error_type` says why.
        Unreachable: The API does not answer.
        ProtocolError: The answer is not one of this contract.
    """
    if result is not None and not _is_json(result):
        raise InvalidInput("""--result is not JSON; write it like --result '{"pages": 7}'""")
    update: dict[str, Json] = {"jobId": job_id, "status": status, "updateId": str(uuid4())}
    update |= {name: value for name, value in (("result", result), ("error", error)) if value is not None}
    request = Request("update_status", {"input": update}, stack.type_prefix)
    answer = await _send(stack, json.dumps(request.payload).encode())
    if answer.get("errors"):
        faults = parse_faults(answer["errors"])
        if is_token_refused(faults) or any(fault.error_type == "Unauthorized" for fault in faults):
            raise NotAuthorized(
                "these AWS credentials may not change a status: they need appsync:GraphQL on Mutation.updateStatus"
            )
        rejected = RequestRejected(faults)
        raise JobNotFound(job_id) if rejected.error_type == "JobNotFound" else rejected
    return parse_event((answer.get("data") or {}).get("updateStatus"))


def signed_headers(stack: Stack, body: bytes, credentials: "ReadOnlyCredentials") -> dict[str, str]:
    """The headers of a request to the stack's API, signature included."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    request = AWSRequest("POST", stack.graphql_url, headers={"Content-Type": "application/json"}, data=body)
    SigV4Auth(credentials, SERVICE, stack.region).add_auth(request)
    return dict(request.headers.items())


def credentials_for(stack: Stack) -> "ReadOnlyCredentials":
    """The credentials of the local stack's operator, or this shell's AWS credentials.

    Raises:
        ConfigurationError: There are none, or boto3 is not installed.
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
    url = stack.graphql_url
    try:
        return await post_json(url, body, headers, service=url, within=TIMEOUT)
    except NotJson as exc:
        raise ProtocolError(f"{url} did not answer as a GraphQL API; check its address") from exc


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
