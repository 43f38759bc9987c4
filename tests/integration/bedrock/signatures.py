"""Signature Version 4 of a request to Bedrock, verified without botocore, which made it.

Source: AWS Identity and Access Management User Guide, "Create a signed AWS API request".
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import quote

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[a-z0-9-]+)/(?P<service>[a-z-]+)"
    r"/aws4_request, SignedHeaders=(?P<headers>[^,]+), Signature=(?P<signature>[0-9a-f]{64})"
)


def fault_in(path: str, headers: Mapping[str, str], body: bytes, *, key: str, secret: str, region: str) -> str | None:
    """What is wrong with the signature of a POST; None if it is valid. Header names are in lower case."""
    said = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if said is None:
        return "no signature"
    if (said["key"], said["region"], said["service"]) != (key, region, "bedrock"):
        return f"signed by {said['key']} for {said['service']} in {said['region']}"
    names = said["headers"].split(";")
    if not {"host", "x-amz-date"} <= set(names):
        return f"signed headers are {names}"
    lines = [f"{name}:{' '.join(headers.get(name, '').split())}" for name in names]
    canonical = "\n".join(
        ("POST", quote(path, safe="/-_.~"), "", *lines, "", said["headers"], hashlib.sha256(body).hexdigest())
    )
    scope = f"{said['day']}/{region}/bedrock/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signing = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        signing = hmac.digest(signing, part.encode(), "sha256")
    expected = hmac.digest(signing, f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{scope}\n{digest}".encode(), "sha256")
    return None if hmac.compare_digest(expected.hex(), said["signature"]) else "the signature does not match"
