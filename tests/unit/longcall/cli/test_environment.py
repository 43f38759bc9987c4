"""`longcall env`: the settings of a stack for front ends and other tools."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from longcall.cli.commands import app
from longcall.cli.targets import read_outputs

FIELDS = {
    "target": "local", "graphqlUrl": "http://127.0.0.1:4000/graphql", "realtimeUrl": "ws://127.0.0.1:4000/graphql",
    "region": "us-east-1", "userPoolId": "us-east-1_pool", "clientId": "client",
    "cognitoUrl": "http://127.0.0.1:4000/cognito-idp",
    "users": [{"username": "ada@example.com", "password": "Local-only-1", "sub": "s"}],
    "operator": {"accessKeyId": "AKIAOPERATOR", "secretAccessKey": "operators-secret"},
}  # fmt: skip
VARIABLES = {
    "GRAPHQL_URL": "http://127.0.0.1:4000/graphql", "REALTIME_URL": "ws://127.0.0.1:4000/graphql",
    "AWS_REGION": "us-east-1", "USER_POOL_ID": "us-east-1_pool", "USER_POOL_CLIENT_ID": "client",
    "COGNITO_URL": "http://127.0.0.1:4000/cognito-idp",
}  # fmt: skip
OUTPUTS = {
    "GraphqlUrl": "https://x.appsync-api.eu-west-1.amazonaws.com/graphql",
    "RealtimeUrl": "wss://x.appsync-realtime-api.eu-west-1.amazonaws.com/graphql", "Region": "eu-west-1",
    "UserPoolId": "eu-west-1_pool", "ClientId": "client",
}  # fmt: skip
FORMATS = ("dotenv", "vite", "amplify", "cdk-outputs")

Print = Callable[..., str]


@pytest.fixture
def printed(tmp_path: Path) -> Print:
    """What `longcall env` prints about a stack file."""

    def run(*arguments: str, fields: object = FIELDS) -> str:
        file = tmp_path / "stack.json"
        file.write_text(json.dumps(fields))
        ended = CliRunner().invoke(app, ["env", "--stack", str(file), *arguments])
        assert ended.exit_code == 0, ended.output
        return ended.stdout

    return run


@pytest.mark.parametrize(("arguments", "prefix"), [((), ""), (("--format", "vite"), "VITE_")])
def test_variables_can_be_read_as_dotenv_and_as_json(printed: Print, arguments: tuple[str, ...], prefix: str) -> None:
    expected = {f"{prefix}{name}": value for name, value in VARIABLES.items()}

    assert dict(line.split("=", 1) for line in printed(*arguments).splitlines()) == expected
    assert json.loads(printed(*arguments, "--json")) == expected


def test_amplify_gets_its_configuration(printed: Print) -> None:
    assert json.loads(printed("--format", "amplify")) == {
        "API": {"GraphQL": {
            "endpoint": VARIABLES["GRAPHQL_URL"], "region": "us-east-1", "defaultAuthMode": "userPool",
        }},
        "Auth": {"Cognito": {
            "userPoolId": "us-east-1_pool", "userPoolClientId": "client",
            "userPoolEndpoint": VARIABLES["COGNITO_URL"],
        }},
    }  # fmt: skip


def test_outputs_are_read_by_the_tools_of_a_deployed_stage(printed: Print, tmp_path: Path) -> None:
    file = tmp_path / "outputs.json"
    file.write_text(printed("--format", "cdk-outputs"))

    read = read_outputs(file)

    assert (read.graphql_url, read.realtime_url, read.pool_id, read.client_id, read.cognito_url) == (
        VARIABLES["GRAPHQL_URL"], VARIABLES["REALTIME_URL"], "us-east-1_pool", "client", VARIABLES["COGNITO_URL"]
    )  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_secret_is_printed(printed: Print, form: str) -> None:
    shown = printed("--format", form) + printed("--format", form, "--json")

    assert not [it for it in ("Local-only-1", "operators-secret", "AKIAOPERATOR") if it in shown]


@pytest.mark.parametrize("form", FORMATS)
def test_deployed_stage_signs_in_at_aws(printed: Print, form: str) -> None:
    shown = printed("--format", form, fields={"Longcall-dev": OUTPUTS})

    assert OUTPUTS["GraphqlUrl"] in shown
    assert "cognito" not in shown.replace('"Cognito"', "").lower()


def test_unknown_format_names_the_known_ones() -> None:
    ended = CliRunner().invoke(app, ["env", "--format", "yaml"])

    assert ended.exit_code == 2
    assert all(form in ended.output for form in ("yaml", *FORMATS))
