"""`env`: the settings of an API, in the form that a front end or another tool reads."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, assert_never

import typer

from longcall.addresses import realtime_url_of
from longcall.cli.options import ApiOptions, with_groups
from longcall.cli.stack import Stack

OUTPUTS_NAME: Final = "Longcall-local"
EPILOG: Final = """\
Examples:

longcall env > .env.local

longcall env --format vite > web/.env.local

longcall env --format amplify > src/amplify-config.json

longcall env --format cdk-outputs > outputs.json

longcall env --json | jq -r .GRAPHQL_URL
"""


class Format(StrEnum):
    """A form of the settings."""

    DOTENV = "dotenv"  # NAME=value
    VITE = "vite"  # the same, with the prefix that lets Vite pass them to the page
    AMPLIFY = "amplify"  # the configuration of aws-amplify 6
    CDK_OUTPUTS = "cdk-outputs"  # what `cdk deploy --outputs-file` writes


@with_groups
def env(
    *,
    format_: Annotated[
        Format,
        typer.Option(
            "--format",
            help="dotenv: NAME=value. vite: the same with VITE_ in front. amplify: JSON for Amplify.configure. "
            "cdk-outputs: JSON as cdk deploy writes it, for tools that read a deployed stage's outputs.",
        ),
    ] = Format.DOTENV,
    as_json: Annotated[
        bool, typer.Option("--json", help="With dotenv and vite: one JSON object. The other forms are JSON anyway.")
    ] = False,
    api: ApiOptions,
) -> None:
    """Print the addresses and ids that a front end needs.

    They stay the same when a local stack is restarted on the same port and data folder. Nothing that is printed is
    secret: passwords and access keys are left out.
    """
    typer.echo(settings(api.find(), format_, as_json=as_json))


def settings(stack: Stack, format_: Format, *, as_json: bool) -> str:
    """The settings of an API as text, without a line break at the end.

    Args:
        stack: The API.
        format_: The form.
        as_json: Whether variables are printed as one JSON object.
    """
    match format_:
        case Format.DOTENV:
            return _variables(stack, "", as_json=as_json)
        case Format.VITE:
            return _variables(stack, "VITE_", as_json=as_json)
        case Format.AMPLIFY:
            return json.dumps(_amplify(stack), indent=2)
        case Format.CDK_OUTPUTS:
            return json.dumps({OUTPUTS_NAME: _outputs(stack)}, indent=2)
        case _:
            assert_never(format_)


def _variables(stack: Stack, prefix: str, *, as_json: bool) -> str:
    values = {
        f"{prefix}{name}": value
        for name, value in {
            "GRAPHQL_URL": stack.graphql_url,
            "REALTIME_URL": _realtime_url(stack),
            "AWS_REGION": stack.region,
            "USER_POOL_ID": stack.pool_id,
            "USER_POOL_CLIENT_ID": stack.client_id,
            "COGNITO_URL": stack.cognito_url,
        }.items()
        if value is not None
    }
    return json.dumps(values) if as_json else "\n".join(f"{name}={value}" for name, value in values.items())


def _amplify(stack: Stack) -> Mapping[str, object]:
    endpoint = {} if stack.cognito_url is None else {"userPoolEndpoint": stack.cognito_url}
    pool = {"userPoolId": stack.pool_id, "userPoolClientId": stack.client_id, **endpoint}
    graphql = {"endpoint": stack.graphql_url, "region": stack.region, "defaultAuthMode": "userPool"}
    return {"API": {"GraphQL": graphql}, "Auth": {"Cognito": pool}}


def _outputs(stack: Stack) -> Mapping[str, str]:
    return {
        "GraphqlUrl": stack.graphql_url,
        "RealtimeUrl": _realtime_url(stack),
        "Region": stack.region,
        "UserPoolId": stack.pool_id,
        "ClientId": stack.client_id,
        **({} if stack.cognito_url is None else {"CognitoUrl": stack.cognito_url}),
    }


def _realtime_url(stack: Stack) -> str:
    return stack.realtime_url or realtime_url_of(stack.graphql_url)
