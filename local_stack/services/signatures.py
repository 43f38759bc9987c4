"""Verifies that a request to Cognito, S3 or DynamoDB is signed with an access key of this stack.

Source: AWS Identity and Access Management User Guide, "Create a signed AWS API request"; Amazon S3 API Reference,
"Authenticating Requests: Using Query Parameters" and "Signing and authenticating REST requests" (Signature Version 2,
which boto3 uses for URLs in us-east-1 by default).
"""

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final
from urllib.parse import unquote

from appsync_local.authorization.sigv4 import ALGORITHM, canonical_request, scope_of, signature_of

UNSIGNED: Final = "UNSIGNED-PAYLOAD"
SKEW: Final = timedelta(minutes=15)
LONGEST_URL: Final = 604_800  # seconds: 7 days
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_HEADER: Final = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+)\s*,\s*SignedHeaders=(?P<headers>[^,\s]+)"
    r"\s*,\s*Signature=(?P<signature>[0-9a-f]{64})"
)
# What Signature Version 2 signs of a query.
_SUBRESOURCES: Final = frozenset(
    {"acl", "delete", "location", "partNumber", "uploadId", "uploads", "versionId", "response-content-type",
     "response-content-language", "response-expires", "response-cache-control", "response-content-disposition",
     "response-content-encoding", "tagging", "cors", "lifecycle", "policy", "versioning", "versions", "website",
     "logging", "notification", "torrent", "requestPayment", "restore", "accelerate", "replication"}
)  # fmt: skip


class Problem(Enum):
    """Why a signature is refused."""

    MISSING = "the request is not signed"
    MALFORMED = "the signature cannot be read, or is for another service or region"
    UNKNOWN_KEY = "the access key is not one of this stack"
    MISMATCH = "the signature does not fit the request"
    SKEWED = "the time of the signature is too far from this machine's"
    EXPIRED = "the signed URL has expired"


class SignatureRefused(Exception):
    """The request is not signed by an access key of this stack."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.value)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a signature covers of a request.

    Attributes:
        method: Such as GET.
        path: As it was sent, percent-encoded.
        query: As it was sent, percent-encoded, without the `?`.
        headers: By lower-case name.
        resource: The path below the service's own one, which is all that Signature Version 2 covers.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    resource: str = ""

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The decoded parameters of the query, in their order."""
        pairs = (part.partition("=") for part in self.query.split("&") if part)
        return [(unquote(name), unquote(value)) for name, _, value in pairs]


class SignatureCheck:
    """Checks the signatures of requests to one service.

    Args:
        service: Such as s3.
        region: The region that signatures must name.
        keys: Secret access keys by access key id.
    """

    def __init__(self, service: str, region: str, keys: Mapping[str, str]) -> None:
        self._service = service
        self._region = region
        self._keys = keys

    def verify(self, request: SignedRequest, payload: str, now: datetime) -> None:
        """Check a signature in the `Authorization` header.

        Args:
            request: The request.
            payload: The SHA-256 of the body in hexadecimal digits, or what the signer wrote in its place.
            now: In UTC.

        Raises:
            SignatureRefused: The signature is missing or wrong.
        """
        text = request.headers.get("authorization")
        if not text:
            raise SignatureRefused(Problem.MISSING)
        said = _HEADER.fullmatch(text.strip())
        if said is None:
            raise SignatureRefused(Problem.MALFORMED)
        stamp, names = request.headers.get("x-amz-date", ""), said["headers"].split(";")
        secret = self._secret(said["credential"], stamp)
        if not {"host", "x-amz-date"} <= set(names):
            raise SignatureRefused(Problem.MISMATCH)
        if abs(now - _moment(stamp)) > SKEW:
            raise SignatureRefused(Problem.SKEWED)
        self._compare(request, names, payload, stamp=stamp, secret=secret, signature=said["signature"])

    def verify_url(self, request: SignedRequest, now: datetime) -> None:
        """Check a signature in the query of a URL, of version 4 or 2.

        Args:
            request: The request.
            now: In UTC.

        Raises:
            SignatureRefused: The signature is missing, wrong or expired.
        """
        given = dict(request.parameters)
        if "AWSAccessKeyId" in given:
            self._verify_version_2(request, given, now)
            return
        signature = given.get("X-Amz-Signature")
        if signature is None:
            raise SignatureRefused(Problem.MISSING)
        stamp, life = given.get("X-Amz-Date", ""), given.get("X-Amz-Expires", "")
        names = given.get("X-Amz-SignedHeaders", "").split(";")
        if given.get("X-Amz-Algorithm") != ALGORITHM or not life.isdecimal() or not 1 <= int(life) <= LONGEST_URL:
            raise SignatureRefused(Problem.MALFORMED)
        secret = self._secret(given.get("X-Amz-Credential", ""), stamp)
        if "host" not in names:
            raise SignatureRefused(Problem.MISMATCH)
        signed_at = _moment(stamp)
        if signed_at - now > SKEW:
            raise SignatureRefused(Problem.SKEWED)
        if now > signed_at + timedelta(seconds=int(life)):
            raise SignatureRefused(Problem.EXPIRED)
        self._compare(request, names, UNSIGNED, stamp=stamp, secret=secret, signature=signature)

    def _secret(self, credential: str, stamp: str) -> str:
        key_id, _, scope = credential.partition("/")
        if scope != scope_of(stamp, self._region, self._service):
            raise SignatureRefused(Problem.MALFORMED)
        return self._known(key_id)

    def _known(self, key_id: str) -> str:
        secret = self._keys.get(key_id)
        if secret is None:
            raise SignatureRefused(Problem.UNKNOWN_KEY)
        return secret

    def _compare(
        self,
        request: SignedRequest,
        names: Sequence[str],
        payload: str,
        *,
        stamp: str,
        secret: str,
        signature: str,
    ) -> None:
        unsigned = {name for name in request.headers if name.startswith("x-amz-")} - set(names)
        if unsigned - {"x-amz-content-sha256", "x-amz-user-agent"}:
            raise SignatureRefused(Problem.MISMATCH)
        canonical = canonical_request(
            request.method,
            unquote(request.path) if self._service == "s3" else request.path,
            [(name, value) for name, value in request.parameters if name != "X-Amz-Signature"],
            headers=request.headers,
            signed_headers=names,
            payload=payload,
        )
        scope = scope_of(stamp, self._region, self._service)
        expected = signature_of(canonical, secret=secret, stamp=stamp, scope=scope)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise SignatureRefused(Problem.MISMATCH)

    def _verify_version_2(self, request: SignedRequest, given: Mapping[str, str], now: datetime) -> None:
        secret, expires = self._known(given["AWSAccessKeyId"]), given.get("Expires", "")
        if self._service != "s3" or not expires.isdecimal():
            raise SignatureRefused(Problem.MALFORMED)
        if now.timestamp() > int(expires):
            raise SignatureRefused(Problem.EXPIRED)
        signed = {name: value for name, value in request.headers.items() if name.startswith("x-amz-")}
        signed |= {name: value for name, value in given.items() if name.startswith("x-amz-")}
        resources = sorted(
            f"{name}={value}" if value else name for name, value in request.parameters if name in _SUBRESOURCES
        )
        to_sign = "\n".join(
            (
                request.method,
                request.headers.get("content-md5", ""),
                request.headers.get("content-type", ""),
                expires,
                "".join(f"{name}:{value.strip()}\n" for name, value in sorted(signed.items()))
                + request.resource
                + ("?" + "&".join(resources) if resources else ""),
            )
        )
        expected = base64.b64encode(hmac.digest(secret.encode(), to_sign.encode(), "sha1"))
        if not hmac.compare_digest(expected, given.get("Signature", "").encode()):
            raise SignatureRefused(Problem.MISMATCH)


def _moment(stamp: str) -> datetime:
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        raise SignatureRefused(Problem.MALFORMED) from None
