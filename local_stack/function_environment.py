"""Environment variables that every stack on this machine gives its functions: region, execution role and bucket."""

import secrets
from typing import Final

from appsync_local.authorization.sigv4 import IamPrincipal
from appsync_local.functions.spec import ACCOUNT
from local_stack.services.bucket import BUCKET

REGION: Final = "us-east-1"
COMMON_VARIABLES: Final = {
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_LAMBDA_LOG_FORMAT": "JSON",
    "AWS_LAMBDA_LOG_LEVEL": "INFO",
}


def new_principal(name: str, allowed: frozenset[str], access_key: tuple[str, str] | None = None) -> IamPrincipal:
    """An execution role.

    Args:
        name: Name of the function or operator.
        allowed: Root fields, as `Mutation.updateStatus`, that it may call.
        access_key: Id and secret; None: they are generated, new ones at every start.
    """
    key_id, secret = access_key or (f"AKIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30))
    return IamPrincipal(
        access_key_id=key_id,
        secret_access_key=secret,
        arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/longcall-local-{name}/{name}",
        account_id=ACCOUNT,
        allowed=allowed,
    )


def access_key_variables(principal: IamPrincipal) -> dict[str, str]:
    """The variables that Lambda sets for a function's role."""
    return {"AWS_ACCESS_KEY_ID": principal.access_key_id, "AWS_SECRET_ACCESS_KEY": principal.secret_access_key}


def bucket_key_variables(principal: IamPrincipal) -> dict[str, str]:
    """The key for the bucket, for a function whose own key is for something else."""
    return {
        "LONGCALL_BUCKET_ACCESS_KEY_ID": principal.access_key_id,
        "LONGCALL_BUCKET_SECRET_ACCESS_KEY": principal.secret_access_key,
    }


def bucket_variables(s3: str) -> dict[str, str]:
    """The bucket's name and the endpoint of the local S3, for a function that stores objects."""
    return {"LONGCALL_BUCKET": BUCKET, "AWS_ENDPOINT_URL_S3": s3}
