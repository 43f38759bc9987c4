"""Signature Version 4, verified from the server's side.

Written against the published algorithm and not with botocore, which costs 90 ms to import; the tests sign with
botocore, and so the two check each other.

Source: AWS Identity and Access Management User Guide, "Create a signed AWS API request".
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, quote

from appsync_local.api.model import AuthMode
from appsync_local.authorization.caller import Caller
from appsync_local.authorization.credentials import AuthorizationRequest, Signature
from appsync_local.errors import UNAUTHORIZED_EXCEPTION, RequestRefused, unauthorized

SERVICE: Final = "appsync"
CLOCK_SKEW: Final = timedelta(minutes=5)

_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<key>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request"
    r"\s*,\s*SignedHeaders=(?P<headers>[^,\s]+)\s*,\s*Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class IamPrincipal:
    """An access key that the engine knows, and what its owner may call.

    Args:
        access_key_id: The public half of the key.
        secret_access_key: The secret half.
        arn: The owner, as `ctx.identity.userArn` shows it.
        account_id: Twelve digits.
        allowed: Root fields as `Type.field`.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    arn: str
    account_id: str
    allowed: frozenset[str]


def verify(
    signature: Signature,
    request: AuthorizationRequest,
    *,
    principals: Mapping[str, IamPrincipal],
    region: str,
    now: datetime,
) -> Caller:
    """The caller who signed a `POST`.

    Args:
        signature: What the `Authorization` header says.
        request: The request that the signature has to cover.
        principals: Known access keys.
        region: Where the engine pretends to be.
        now: The time, in UTC.

    Raises:
        RequestRefused: Not signed by a known key for this very request, region, service and time.
    """
    said = _AUTHORIZATION.fullmatch(signature.text.strip())
    if said is None or said["service"] != SERVICE or said["region"] != region:
        raise unauthorized()
    principal = principals.get(said["key"])
    stamp = request.header("x-amz-date") or ""
    signed_headers = said["headers"].split(";")
    if principal is None or not {"host", "x-amz-date"} <= set(signed_headers) or not _is_fresh(stamp, said["day"], now):
        raise unauthorized()
    scope = f"{said['day']}/{region}/{SERVICE}/aws4_request"
    canonical = _canonical_request(request, signed_headers)
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{principal.secret_access_key}".encode()
    for part in (said["day"], region, SERVICE, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    if not hmac.compare_digest(hmac.digest(key, to_sign.encode(), "sha256").hex(), said["signature"]):
        raise unauthorized()
    if not principal.allowed:
        raise RequestRefused(401, UNAUTHORIZED_EXCEPTION, "Permission denied")
    return _caller(principal, request)


def _is_fresh(stamp: str, day: str, now: datetime) -> bool:
    try:
        signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return stamp.startswith(day) and abs(now - signed_at) <= CLOCK_SKEW


def _canonical_request(request: AuthorizationRequest, signed_headers: list[str]) -> str:
    headers = "".join(f"{name}:{_canonical_value(request.headers.get(name, ''))}\n" for name in signed_headers)
    query = sorted((_encoded(k), _encoded(v)) for k, v in parse_qsl(request.query, keep_blank_values=True))
    return "\n".join(
        (
            "POST",
            quote(request.path, safe="/-_.~"),  # as sent, and so an escape is escaped once more
            "&".join(f"{name}={value}" for name, value in query),
            headers,
            ";".join(signed_headers),
            hashlib.sha256(request.body).hexdigest(),
        )
    )


def _canonical_value(value: str | list[str]) -> str:
    values = [value] if isinstance(value, str) else value
    return ",".join(" ".join(part.split()) for part in values)


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


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
