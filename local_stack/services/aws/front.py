"""The one address for all calls to AWS services: serves those of the catalogue, and refuses the others by name.

moto can emulate most of AWS, and checks no signatures. So only services of the catalogue are reachable, and only by
requests that are signed with an access key of this stack. moto checks no roles: a caller with any of the keys may use
every resource of the stack. Host and origin are checked as at the engine's port.
"""

import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from appsync_local.devtools.operation_log import printable
from local_stack.services.aws.catalogue import SERVED_BY_MOTO, backend_of
from local_stack.services.aws.refusals import refuse
from local_stack.services.aws.step_functions import SYNCHRONOUS, synchronous_execution
from local_stack.services.signatures import UNSIGNED, SignatureCheck, SignatureRefused, SignedRequest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

NAMED: Final = ("AWSStepFunctions.StartExecution", SYNCHRONOUS)
LARGEST_BODY: Final = 16 * 1024 * 1024  # bytes. Source: Amazon DynamoDB, BatchGetItem returns and takes 16 MB at most
LARGEST_OBJECT: Final = 256 * 1024 * 1024  # bytes of one request to S3, which moto holds in memory
DELIVERED: Final = ("sqs",)  # protocols of subscriptions
RECORDED: Final = ("email", "email-json", "sms")  # moto stores such a subscription and sends nothing
NOT_LOCAL: Final = "NoLocalCounterpart"
_SCOPE: Final = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/([^/,\s]+)/aws4_request")
_PRESIGNED: Final = re.compile(r"(?:^|&)(?:X-Amz-Credential|AWSAccessKeyId)=([^/%&]+)")


class AwsFront:
    """A WSGI application in front of moto.

    Args:
        region: The region that signatures must name.
        keys: The secrets of access keys that may use the services, by their ids.
        callers: Whose key it is, by the key's id, for messages.
        backend: Creates moto's application for one of its services.
        advice: What a message about a service without a local counterpart advises.
        report: Gets each such message.
        clock: The time, in UTC.
    """

    def __init__(
        self,
        *,
        region: str,
        keys: Mapping[str, str],
        callers: Mapping[str, str],
        backend: "Callable[[str], WSGIApplication]",
        advice: str,
        report: Callable[[str], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._region = region
        self._callers = callers
        self._checks = {service: SignatureCheck(service, region, keys) for service in SERVED_BY_MOTO}
        self._backend = backend
        self._advice = advice
        self._report = report
        self._clock = clock

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if (refusal := _site_refusal(environ)) is not None:
            _drain(environ)
            return refuse(environ, start_response, "AccessDeniedException", refusal)
        key, region, service = _named(environ)
        if service not in SERVED_BY_MOTO:
            return self._refuse_service(environ, start_response, key, service)
        if region is not None and region != self._region:
            message = f"the call is for the region {region}, and this stack has only the region {self._region}"
            return refuse(environ, start_response, "UnrecognizedClientException", message)
        length = _length(environ)
        if length is None or length > (LARGEST_OBJECT if service == "s3" else LARGEST_BODY):
            return refuse(environ, start_response, "SerializationException", "the request is too large")
        body = environ["wsgi.input"].read(length)
        try:
            self._verify(environ, service, body)
        except SignatureRefused as refused:
            return refuse(environ, start_response, "UnrecognizedClientException", str(refused))

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            # moto lets the pages of every site read its answers.
            kept = [it for it in headers if not it[0].lower().startswith("access-control-")]
            return start_response(status, kept, exc_info)

        return self.serve(environ, start, service, body)

    def serve(
        self, environ: "WSGIEnvironment", start_response: "StartResponse", service: str, body: bytes
    ) -> Iterable[bytes]:
        """Serve a request to a service of the catalogue without asking for a signature.

        Args:
            environ: The request.
            start_response: See WSGI.
            service: The service.
            body: The body, which has been read.
        """
        fields = f"{environ.get('QUERY_STRING', '')}&{body.decode(errors='replace')}" if service == "sns" else ""
        for protocol in _subscribed_protocols(fields) - {*DELIVERED, *RECORDED}:
            message = f"the local SNS delivers subscriptions of a running program to queues only, and not by {protocol}"
            return refuse(environ, start_response, "InvalidParameter", message)
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        application = self._backend(backend_of(service, target))
        if target in NAMED:
            body = _with_name(body)
        if target == SYNCHRONOUS:
            return synchronous_execution(application, environ, start_response, body)
        return application({**environ, "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}, start_response)

    def from_this_process(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a call of a state machine, which is signed with no key of this stack."""
        _, _, service = _named(environ)
        if service not in SERVED_BY_MOTO:
            return self._refuse_service(environ, start_response, "a state machine", service)
        return self.serve(environ, start_response, service, environ["wsgi.input"].read())

    def _refuse_service(
        self, environ: "WSGIEnvironment", start_response: "StartResponse", key: str, service: str
    ) -> Iterable[bytes]:
        _drain(environ)
        operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        called = printable(" ".join(filter(None, (service or "an AWS service", operation))))
        caller = self._callers.get(key, key if key.startswith("a ") else None)
        message = (
            f"{caller or 'a program'} calls {called}, which has no local counterpart, so nothing was sent; "
            f"{self._advice}"
        )
        if caller is not None:  # any program and page could fill the log with other keys
            self._report(message)
        return refuse(environ, start_response, NOT_LOCAL, message)

    def _verify(self, environ: "WSGIEnvironment", service: str, body: bytes) -> None:
        request, check = _signed(environ), self._checks[service]
        digest = sha256(body).hexdigest()
        if service != "s3":
            check.verify(request, digest, self._clock())
            return
        if "authorization" not in request.headers:
            check.verify_url(request, self._clock())
            return
        payload = request.headers.get("x-amz-content-sha256", digest)
        in_pieces = payload == UNSIGNED or payload.startswith("STREAMING-")
        check.verify(request, payload if in_pieces else digest, self._clock())


def _site_refusal(environ: "WSGIEnvironment") -> str | None:
    """Why a request is not for this machine, or from another site's page, as a sentence; None: it is neither."""
    host, origin = environ.get("HTTP_HOST", ""), environ.get("HTTP_ORIGIN")
    if not _is_of_this_machine(f"//{host}"):
        return f"expected a request for localhost or 127.0.0.1, found one for {printable(host)!r}"
    if origin is not None and not _is_of_this_machine(origin):
        return f"expected a request of a program or of a page of this machine, found one of {printable(origin)!r}"
    return None


def _is_of_this_machine(address: str) -> bool:
    """Whether an address has a loopback host, and besides it a scheme of web pages and a port at most."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        is_only_host = parts.scheme in ("", "http", "https") and not (parts.path or parts.query or "@" in parts.netloc)
        return is_only_host and (host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False


def _length(environ: "WSGIEnvironment") -> int | None:
    """The length of the body in bytes; None: the header is not a length."""
    text = environ.get("CONTENT_LENGTH") or "0"
    return int(text) if text.isdecimal() else None


def _drain(environ: "WSGIEnvironment") -> None:
    """Read the body. One that is not read would end the connection before the client has read the answer."""
    environ["wsgi.input"].read(min(_length(environ) or 0, LARGEST_BODY))


def _named(environ: "WSGIEnvironment") -> tuple[str, str | None, str]:
    """Access key id, region (None: it names none) and service that a request names."""
    query = environ.get("QUERY_STRING", "").replace("%2F", "/")
    found = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", "")) or _SCOPE.search(query.replace("X-Amz-", ""))
    if found is not None:
        return found[1], found[2], found[3].lower()
    if (presigned := _PRESIGNED.search(query)) is not None:
        return presigned[1], None, "s3"
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    return "", None, target.partition(".")[0]


def _signed(environ: "WSGIEnvironment") -> SignedRequest:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    headers["content-length"] = environ.get("CONTENT_LENGTH", "")
    path = str(environ.get("REQUEST_URI") or environ["PATH_INFO"]).partition("?")[0]
    return SignedRequest(environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""), headers, resource=path)


def _subscribed_protocols(encoded: str) -> set[str]:
    """The protocols of a request to subscribe, for which moto may send requests; none for other requests."""
    fields = parse_qs(encoded, keep_blank_values=True)
    return {it.lower() for it in fields.get("Protocol", [""])} if "Subscribe" in fields.get("Action", ()) else set()


def _with_name(body: bytes) -> bytes:
    """The parameters of an execution with a name, which moto does not make up."""
    try:
        parameters = json.loads(body)
    except ValueError:
        return body
    return body if parameters.get("name") else json.dumps({**parameters, "name": str(uuid.uuid4())}).encode()
