"""The callers of an application's API on this machine: a key, a token or a user for each of its modes."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from appsync_local.api.model import AuthMode
from appsync_local.authorization.sigv4 import IamPrincipal
from local_stack.function_environment import REGION

QUERY: Final = '{"query": "{ __typename }"}'
TOKENS: Final = (AuthMode.COGNITO, AuthMode.OIDC)


@dataclass(frozen=True, slots=True)
class Callers:
    """The callers of one API.

    Attributes:
        url: The URL of the API.
        modes: Its authorization modes; the first one is the default.
        api_keys: The keys that it accepts.
        authorizer: The function of its Lambda authorizer; None: it has none.
    """

    url: str
    modes: tuple[AuthMode, ...]
    api_keys: tuple[str, ...]
    authorizer: str | None


def caller_rows(callers: Callers, users: Sequence[str], iam: IamPrincipal, token: str) -> Iterator[tuple[str, str]]:
    """What a person needs to call an API in each of its modes, with commands that can be copied.

    Args:
        callers: Of the API.
        users: The test users, each with the password.
        iam: The access key that may call every field.
        token: The command that prints a token of the first test user.
    """
    for mode in dict.fromkeys(callers.modes):
        match mode:
            case AuthMode.API_KEY:
                yield from (("API key", key) for key in callers.api_keys)
                header = f"x-api-key: {callers.api_keys[0]}"
                yield "", _curl(callers.url, f"-H {shlex.quote(header)}")
            case AuthMode.IAM:
                yield "IAM key", f"{iam.access_key_id} / {iam.secret_access_key}"
                user = f"{iam.access_key_id}:{iam.secret_access_key}"
                yield "", _curl(callers.url, f"--aws-sigv4 aws:amz:{REGION}:appsync --user {user}")
            case AuthMode.LAMBDA:
                yield "Lambda", f"{callers.authorizer} decides: send the token that it expects as `authorization`"
            case _ if mode is next(it for it in callers.modes if it in TOKENS):
                yield "Users", ", ".join(users)
                yield "A token", token
                yield "", _curl(callers.url, f'-H "authorization: $({token})"')


def _curl(url: str, *options: str) -> str:
    return " ".join(("curl -s", *options, "-H 'content-type: application/json'", f"-d {shlex.quote(QUERY)}", url))
