"""The services of AWS that an application's functions reach: their variables and access keys."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from appsync_local.authorization.sigv4 import IamPrincipal
from appsync_local.data_sources.aws_services import AwsCredentials
from local_stack.function_environment import new_principal

# The SDKs' names of the services that are served here. Source: AWS SDKs and Tools Reference Guide,
# "Service-specific endpoints".
IDENTIFIERS: Final = (
    "DYNAMODB", "DYNAMODB_STREAMS", "EVENTBRIDGE", "S3", "SECRETS_MANAGER", "SFN", "SNS", "SQS", "SSM",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """What functions reach of AWS.

    Attributes:
        endpoint: The address of the local services but Lambda; that of Lambda, which refuses other calls, without them.
        lambda_url: The address of Lambda.
        login: The developer's login, if functions may call AWS; None: every call stays on this machine.
    """

    endpoint: str
    lambda_url: str
    login: AwsCredentials | None = None

    def variables(self, cognito: str) -> dict[str, str]:
        """The variables with the addresses of services for SDKs; `cognito` is the address of the local Cognito.

        Without a login, calls of every other service go to the local endpoint too, which refuses them by name.
        """
        own = {
            # The developer's own files could name a profile with keys, or switch the addresses below off.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": cognito,
            "AWS_ENDPOINT_URL_LAMBDA": self.lambda_url,
        }
        if self.login is None:
            return {**own, "AWS_ENDPOINT_URL": self.endpoint}
        token = {} if self.login.session_token is None else {"AWS_SESSION_TOKEN": self.login.session_token}
        return {**own, **{f"AWS_ENDPOINT_URL_{it}": self.endpoint for it in IDENTIFIERS}, **token}

    def principal(self, function: str, fields: Mapping[str, frozenset[str]]) -> IamPrincipal:
        """The access key of a function. With a login, all functions have its key, and so the rights of all of them.

        Args:
            function: The function's name.
            fields: Root fields that each function may call.
        """
        if self.login is None:
            return new_principal(function, fields[function])
        key = (self.login.access_key_id, self.login.secret_access_key)
        return new_principal(function, frozenset[str]().union(*fields.values()), key)
