"""Signature Version 4: verifying the signatures of callers, and signing the engine's own requests.

This does not use botocore, because importing it takes 90 ms. The tests compare the two: they verify signatures that
botocore has made.

Source: AWS Identity and Access Management User Guide, "Create a signed AWS API request". The words of refusals are
those that users of the service published (aws-amplify/amplify-js issues 2422 and 3447,
awslabs/aws-mobile-appsync-sdk-js pull request 561 and issue 750), or those that AWS uses in general.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, quote

from appsync_local.api.model import AuthMode
from appsync_local.authorization.caller import Caller
from appsync_local.authorization.credentials import AuthorizationRequest, Signature
from appsync_local.errors import INVALID_SIGNATURE, UNAUTHORIZED_EXCEPTION, RequestRefused, unauthorized

ALGORITHM: Final = "AWS4-HMAC-SHA256"
SERVICE: Final = "appsync"
CLOCK_SKEW: Final = timedelta(minutes=5)
KEYS_KEPT: Final = 64  # of all access keys and services, for one day
_STAMP: Final = "%Y%m%dT%H%M%SZ"  # of `x-amz-date`
_DIGITS: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")

UNRECOGNIZED_CLIENT: Final = "UnrecognizedClientException"
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)

_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<key>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request"
    r"\s*,\s*SignedHeaders=(?P<headers>[^,\s]+)\s*,\s*Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class IamPrincipal:
    """An access key that is accepted, and the fields that its owner may call.

    Args:
        access_key_id: The public half of the key.
        secret_access_key: The secret half.
        arn: The ARN of the owner; `ctx.identity.userArn` shows it.
        account_id: The owner's account, twelve digits.
        allowed: Root fields as `Type.field`.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    arn: str
    account_id: str
    allowed: frozenset[str]


def scope_of(stamp: str, region: str, service: str) -> str:
    """The credential scope of a request whose `x-amz-date` is `stamp`, such as `20260101T000000Z`."""
    return f"{stamp[:8]}/{region}/{service}/aws4_request"


def canonical_request(
    method: str,
    path: str,
    parameters: Iterable[tuple[str, str]],
    *,
    headers: Mapping[str, str | list[str]],
    signed_headers: Sequence[str],
    payload: str,
) -> str:
    """A request in the form that the algorithm signs.

    Args:
        method: Such as POST.
        path: The path as it was sent, because an escape is escaped again. S3 alone signs a path that is escaped once:
            for it, the decoded path.
        parameters: The decoded parameters of the query, in any order.
        headers: By lower-case name. Only the signed ones are read.
        signed_headers: Lower-case names, in the signature's order.
        payload: The SHA-256 of the body in hexadecimal digits, or what the signer wrote in its place.
    """
    query = sorted((_encoded(name), _encoded(value)) for name, value in parameters)
    return "\n".join(
        (
            method,
            quote(path, safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in query),
            "".join(f"{name}:{_canonical_value(headers.get(name, ''))}\n" for name in signed_headers),
            ";".join(signed_headers),
            payload,
        )
    )


def _canonical_value(value: str | list[str]) -> str:
    values = [value] if isinstance(value, str) else value
    return ",".join(" ".join(part.split()) for part in values)


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def string_to_sign(canonical: str, *, stamp: str, scope: str) -> str:
    """The text that a key signs, for a canonical request; the arguments are those of `signature_of`."""
    return f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"


def signature_of(canonical: str, *, secret: str, stamp: str, scope: str) -> str:
    """The signature of a canonical request, in hexadecimal digits.

    Args:
        canonical: See `canonical_request`.
        secret: The secret access key.
        stamp: The request's `x-amz-date`.
        scope: See `scope_of`.
    """
    to_sign = string_to_sign(canonical, stamp=stamp, scope=scope)
    return hmac.digest(_signing_key(secret, scope), to_sign.encode(), "sha256").hex()


@lru_cache(maxsize=KEYS_KEPT)
def _signing_key(secret: str, scope: str) -> bytes:
    """The key for all requests of one day: deriving it takes longer than the signature."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def verify(
    signature: Signature,
    request: AuthorizationRequest,
    *,
    principals: Mapping[str, IamPrincipal],
    region: str,
    now: datetime,
) -> Caller:
    """The caller who signed a request.

    Args:
        signature: The `Authorization` header.
        request: The request that the signature must cover.
        principals: The accepted access keys, by access key id.
        region: The region that the signature must be for.
        now: The current time, in UTC.

    Raises:
        RequestRefused: The key is unknown, or the signature does not fit this request, region, service and time; or
            the owner of the key may not call any field.
    """
    said = _AUTHORIZATION.fullmatch(signature.text.strip())
    if said is None:
        raise unauthorized()
    principal = principals.get(said["key"])
    if principal is None:
        raise RequestRefused(403, UNRECOGNIZED_CLIENT, "The security token included in the request is invalid.")
    if said["service"] != SERVICE:
        raise _invalid(f"Credential should be scoped to correct service: '{SERVICE}'. ")
    if said["region"] != region:
        raise _invalid(f"Credential should be scoped to a valid region, not '{said['region']}'. ")
    signed_headers = said["headers"].split(";")
    for name, shown in (("host", "'Host' or ':authority'"), ("x-amz-date", "'X-Amz-Date'")):
        if name not in signed_headers:
            raise _invalid(f"{shown} must be a 'SignedHeader' in the AWS Authorization.")
    stamp = request.header("x-amz-date") or ""
    _require_fresh(stamp, said["day"], now)
    canonical = canonical_request(
        request.method,
        request.path,
        parse_qsl(request.query, keep_blank_values=True),
        headers=request.headers,
        signed_headers=signed_headers,
        payload=hashlib.sha256(request.body).hexdigest(),
    )
    scope = scope_of(stamp, region, SERVICE)
    expected = signature_of(canonical, secret=principal.secret_access_key, stamp=stamp, scope=scope)
    if not hmac.compare_digest(expected, said["signature"]):
        to_sign = string_to_sign(canonical, stamp=stamp, scope=scope)
        raise _invalid(
            f"{_MISMATCH}\n\nThe Canonical String for this request should have been\n'{canonical}'\n\n"
            f"The String-to-Sign should have been\n'{to_sign}'\n"
        )
    if not principal.allowed:
        raise RequestRefused(401, UNAUTHORIZED_EXCEPTION, "Permission denied")
    return _caller(principal, request)


def _invalid(message: str) -> RequestRefused:
    return RequestRefused(403, INVALID_SIGNATURE, message)


def _require_fresh(stamp: str, day: str, now: datetime) -> None:
    try:
        signed_at = _time_of(stamp)
    except ValueError:
        shown = f"Date must be in ISO-8601 'basic format'. Got '{stamp}'. See http://en.wikipedia.org/wiki/ISO_8601"
        raise _invalid(shown) from None
    if not stamp.startswith(day):
        raise _invalid(f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date: {day} {stamp}")
    earliest, latest = now - CLOCK_SKEW, now + CLOCK_SKEW
    if earliest <= signed_at <= latest:
        return
    shown, minutes = now.strftime(_STAMP), CLOCK_SKEW.seconds // 60
    if signed_at < earliest:
        limit = earliest.strftime(_STAMP)
        raise _invalid(f"Signature expired: {stamp} is now earlier than {limit} ({shown} - {minutes} min.)")
    limit = latest.strftime(_STAMP)
    raise _invalid(f"Signature not yet current: {stamp} is still later than {limit} ({shown} + {minutes} min.)")


def _time_of(stamp: str) -> datetime:
    """The time of a stamp. `strptime` is written in Python, and takes ten times as long.

    Raises:
        ValueError: It is not a stamp, or not a time.
    """
    found = _DIGITS.fullmatch(stamp)
    if found is None:
        raise ValueError(stamp)
    year, month, day, hour, minute, second = map(int, found.groups())
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def _caller(principal: IamPrincipal, request: AuthorizationRequest) -> Caller:
    return Caller(
        mode=AuthMode.IAM,
        identity={
            "accountId": principal.account_id,
            "cognitoIdentityPoolId": None,
            "cognitoIdentityId": None,
            "sourceIp": request.source_ips,
            "username": principal.arn.rsplit("/", 1)[-1],
            "userArn": principal.arn,
            "cognitoIdentityAuthType": None,
            "cognitoIdentityAuthProvider": None,
        },
        allowed=principal.allowed,
    )
