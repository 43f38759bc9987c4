"""Errors in the form of AWS's protocols, so that each SDK raises them with their name and message."""

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# Of the services that are not in the catalogue, those with the protocol REST-XML.
_ANSWERS_IN_XML: Final = re.compile(r"/(?:route53|cloudfront)/aws4_request")
_CBOR: Final = "rpc-v2-cbor"


def refuse(environ: "WSGIEnvironment", start_response: "StartResponse", code: str, message: str) -> Iterable[bytes]:
    """Answer a request with an error that its SDK understands and does not retry.

    Args:
        environ: The request.
        start_response: See WSGI.
        code: The error's name, such as `AccessDeniedException`.
        message: One sentence.
    """
    body, headers = _body(environ, code, message)
    status = HTTPStatus.BAD_REQUEST
    sent = {
        **headers,
        "x-amzn-errortype": code,
        "x-amzn-requestid": str(uuid.uuid4()),
        "content-length": str(len(body)),
    }
    start_response(f"{status.value} {status.phrase}", list(sent.items()))
    return [body]


def _body(environ: "WSGIEnvironment", code: str, message: str) -> tuple[bytes, Mapping[str, str]]:
    if environ.get("HTTP_SMITHY_PROTOCOL") == _CBOR:
        fields = {"__type": code, "message": message}
        body = b"\xa2" + b"".join(_cbor_text(it) for pair in fields.items() for it in pair)
        return body, {"content-type": "application/cbor", "smithy-protocol": _CBOR}
    kind = environ.get("CONTENT_TYPE", "")
    if "json" in kind or environ.get("HTTP_X_AMZ_TARGET"):
        return _json(code, message), {"content-type": kind or "application/x-amz-json-1.0"}
    error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if kind.startswith("application/x-www-form-urlencoded") or _ANSWERS_IN_XML.search(_authorization(environ)):
        text = f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error><RequestId>local</RequestId></ErrorResponse>"
        return text.encode(), {"content-type": "text/xml"}
    if "/s3/" in _authorization(environ):
        return f'<?xml version="1.0"?><Error>{error}</Error>'.encode(), {"content-type": "application/xml"}
    return _json(code, message), {"content-type": "application/json"}


def _authorization(environ: "WSGIEnvironment") -> str:
    return str(environ.get("HTTP_AUTHORIZATION", ""))


def _json(code: str, message: str) -> bytes:
    return json.dumps({"__type": code, "message": message, "Message": message}).encode()


def _cbor_text(text: str) -> bytes:
    """Source: RFC 8949, section 3.1, major type 3, with a length of two bytes."""
    encoded = text.encode()
    return b"\x79" + len(encoded).to_bytes(2) + encoded
