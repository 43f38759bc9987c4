"""Signs the requests that data sources send to AWS services or their emulators."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from yarl import URL

from appsync_local.authorization import sigv4
from appsync_local.data_sources.aws_services import AwsCredentials


def signed_headers(
    method: str,
    url: URL,
    headers: Mapping[str, str],
    body: bytes,
    *,
    service: str,
    region: str,
    credentials: AwsCredentials,
    now: datetime,
) -> dict[str, str]:
    """The headers of a request with host, time and signature; all of them are signed.

    Args:
        method: Such as POST.
        url: The address.
        headers: Names in lower case and values.
        body: The body.
        service: The name that signatures have for the service, such as `states`.
        region: The region that the signature names.
        credentials: The access key.
        now: The time, in UTC.

    Source:
        IAM User Guide, "Create a signed AWS API request".
    """
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    host = url.authority if url.explicit_port else str(url.host)
    sent = {**headers, "host": host, "x-amz-date": stamp}
    if credentials.session_token is not None:
        sent["x-amz-security-token"] = credentials.session_token
    names = sorted(sent)
    canonical = sigv4.canonical_request(
        method,
        url.path if service == "s3" else url.raw_path,
        parse_qsl(url.raw_query_string, keep_blank_values=True) if url.raw_query_string else (),
        headers=sent,
        signed_headers=names,
        payload=hashlib.sha256(body).hexdigest(),
    )
    scope = sigv4.scope_of(stamp, region, service)
    signature = sigv4.signature_of(canonical, secret=credentials.secret_access_key, stamp=stamp, scope=scope)
    sent["authorization"] = (
        f"{sigv4.ALGORITHM} Credential={credentials.access_key_id}/{scope}, SignedHeaders={';'.join(names)}, "
        f"Signature={signature}"
    )
    return sent
