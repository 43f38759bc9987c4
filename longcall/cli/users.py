"""Creates the test user of `.env` in the stack's user pool."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from longcall.cli.callers import TEST_USER, test_user
from longcall.cli.operating import NO_CREDENTIALS
from longcall.cli.stack import Stack
from longcall.errors import ConfigurationError, InvalidInput, SignInFailed, Unreachable

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient


def create(stack: Stack) -> str:
    """Create the user, in place of one with the same name. No mail is sent.

    Returns:
        The user's name.

    Raises:
        ConfigurationError: `.env` does not name the user, or there are no AWS credentials.
        InvalidInput: The user pool refuses the name or the password.
        SignInFailed: These AWS credentials may not create users.
        Unreachable: The user pool does not answer.
    """
    given = test_user(os.environ, start=Path.cwd())
    if missing := [name for name in TEST_USER if name not in given]:
        raise ConfigurationError(f".env must set {' and '.join(missing)}; copy .env.sample to .env, and fill it in")
    name, password = (given[variable] for variable in TEST_USER)
    cognito = _client(stack)
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        _replace(cognito, stack.pool_id, name, password)
    except NoCredentialsError:
        raise ConfigurationError(NO_CREDENTIALS) from None
    except ClientError as error:
        code, words = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code in ("InvalidPasswordException", "InvalidParameterException"):
            raise InvalidInput(f"the user pool refuses this user: {words} ({code})") from error
        raise SignInFailed(f"the user could not be created: {words} ({code})") from error
    except BotoCoreError as error:
        raise Unreachable(f"no answer from the user pool ({type(error).__name__})") from error
    return name


def _client(stack: Stack) -> "CognitoIdentityProviderClient":
    try:
        import boto3
    except ModuleNotFoundError:
        raise ConfigurationError("creating users needs boto3; run `pip install boto3`") from None
    if stack.cognito_url is None:
        return boto3.client("cognito-idp", region_name=stack.region)
    key_id, secret = stack.operator or (None, None)  # a local stack's own; without it, boto3 finds the caller's
    return boto3.client(
        "cognito-idp", region_name=stack.region, endpoint_url=stack.cognito_url,
        aws_access_key_id=key_id, aws_secret_access_key=secret,
    )  # fmt: skip


def _replace(cognito: "CognitoIdentityProviderClient", pool_id: str, name: str, password: str) -> None:
    with suppress(cognito.exceptions.UserNotFoundException):
        cognito.admin_delete_user(UserPoolId=pool_id, Username=name)
    cognito.admin_create_user(
        UserPoolId=pool_id,
        Username=name,
        MessageAction="SUPPRESS",
        UserAttributes=[{"Name": "email", "Value": name}, {"Name": "email_verified", "Value": "true"}],
    )
    # Permanent: otherwise the first sign-in asks for a new password.
    cognito.admin_set_user_password(UserPoolId=pool_id, Username=name, Password=password, Permanent=True)
