"""DynamoDB tables for the data sources of a template: moto's, in a process of their own, and empty at every start.

moto can emulate most of AWS, and checks no signatures. So its process serves the DynamoDB of moto only, and only to
requests that are signed with the stack's own key. moto does not check roles either: rights on a table are not checked
when a data source uses it.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from wsgiref.headers import Headers

from local_stack.services.signatures import SignatureCheck, SignatureRefused, SignedRequest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TARGET: Final = "DynamoDB_20120810."
LARGEST_BODY: Final = 16 * 1024 * 1024  # bytes. Source: Amazon DynamoDB, BatchGetItem returns and takes 16 MB at most


def create_tables(endpoint: str, region: str, key: tuple[str, str], tables: Iterable[Mapping[str, Any]]) -> None:
    """Create tables at `endpoint`, from the parameters of CreateTable; `key` is an access key id and its secret."""
    import boto3

    client = boto3.client(
        "dynamodb", endpoint_url=endpoint, region_name=region, aws_access_key_id=key[0], aws_secret_access_key=key[1]
    )
    for table in tables:
        client.create_table(**table)


class DynamoDbOnly:
    """A WSGI application in front of moto's DynamoDB: everything else, and every unsigned request, is refused.

    Args:
        application: moto's DynamoDB.
        region: The region that signatures must name.
        keys: Access keys that may use it, the secrets by their ids.
        clock: The time, in UTC.
    """

    def __init__(
        self,
        application: "WSGIApplication",
        *,
        region: str,
        keys: Mapping[str, str],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._application = application
        self._signatures = SignatureCheck("dynamodb", region, keys)
        self._clock = clock

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if environ["REQUEST_METHOD"] != "POST" or environ["PATH_INFO"] != "/" or not target.startswith(TARGET):
            return _refuse(start_response, "UnknownOperationException", "only DynamoDB is served here")
        length = environ.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            return _refuse(start_response, "SerializationException", "the request is too large")
        body = environ["wsgi.input"].read(int(length))
        try:
            self._signatures.verify(_signed(environ), sha256(body).hexdigest(), self._clock())
        except SignatureRefused as refused:
            return _refuse(start_response, "UnrecognizedClientException", str(refused))
        from io import BytesIO

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            # moto lets the pages of every site read its answers.
            kept = [it for it in headers if not it[0].lower().startswith("access-control-")]
            return start_response(status, kept, exc_info)

        return self._application({**environ, "wsgi.input": BytesIO(body)}, start)


def _signed(environ: "WSGIEnvironment") -> SignedRequest:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    return SignedRequest("POST", "/", environ.get("QUERY_STRING", ""), headers)


def _refuse(start_response: "StartResponse", kind: str, message: str) -> Iterable[bytes]:
    status, headers = HTTPStatus.BAD_REQUEST, Headers([("Content-Type", "application/x-amz-json-1.0")])
    start_response(f"{status.value} {status.phrase}", headers.items())
    return [f'{{"__type": "com.amazon.coral.service#{kind}", "message": "{message}"}}'.encode()]
