"""How the command line finds an API, local or deployed, and the user who signs in."""

import json
from pathlib import Path
from typing import Any

import pytest

from longcall import ConfigurationError, Unreachable
from longcall.cli.callers import AuthMode, Caller, pick_user, read_dotenv
from longcall.cli.callers import test_user as user_of
from longcall.cli.stack import Stack, User
from longcall.cli.targets import Target, find_target

OUTPUTS = {
    "GraphqlUrl": "https://abc.appsync-api.eu-west-1.amazonaws.com/graphql",
    "RealtimeUrl": "wss://abc.appsync-realtime-api.eu-west-1.amazonaws.com/graphql",
    "Region": "eu-west-1",
    "UserPoolId": "eu-west-1_pool",
    "ClientId": "client",
    "TableName": "jobs",
}
LOCAL = {"target": "local", "graphqlUrl": "http://127.0.0.1:4000/graphql", "region": "us-east-1", "clientId": "local"}
TESTER = {"TEST_USER_EMAIL": "test@example.com", "TEST_USER_PASSWORD": "Secret-1"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with files of both targets, and a folder inside it."""
    (tmp_path / ".longcall").mkdir()
    (tmp_path / ".longcall" / "stack.json").write_text(json.dumps(LOCAL))
    (tmp_path / "cdk-outputs.json").write_text(json.dumps({"longcall-dev": OUTPUTS}))
    (tmp_path / "below").mkdir()
    return tmp_path


def deployed() -> Stack:
    return Stack(
        is_local=False, graphql_url=OUTPUTS["GraphqlUrl"], realtime_url=OUTPUTS["RealtimeUrl"], region="eu-west-1",
        client_id="client", cognito_url=None, users=(), pool_id="eu-west-1_pool",
    )  # fmt: skip


def test_each_target_has_its_own_file_in_this_folder_or_above(folder: Path) -> None:
    assert find_target(None, Target.LOCAL, start=folder / "below").client_id == "local"
    assert find_target(None, Target.AWS, start=folder / "below") == deployed()


def test_kind_of_a_named_file_is_recognised_by_its_content(folder: Path) -> None:
    named = folder / "cdk-outputs.json"

    assert find_target(named, Target.LOCAL, start=folder) == deployed()
    assert find_target(folder / ".longcall" / "stack.json", Target.LOCAL, start=folder).is_local


def test_file_of_a_local_stack_is_refused_for_the_deployed_target(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="is the file of a local stack, and --target says aws"):
        find_target(folder / ".longcall" / "stack.json", Target.AWS, start=folder)


def test_missing_deployment_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="make deploy"):
        find_target(None, Target.AWS, start=tmp_path)
    with pytest.raises(ConfigurationError, match=r"no stack file .*x\.json was found"):
        find_target(tmp_path / "x.json", Target.AWS, start=tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "and found none"),
        ({"longcall-dev": OUTPUTS, "longcall-prod": OUTPUTS}, "longcall-dev and longcall-prod"),
        ({"longcall-dev": {"GraphqlUrl": "https://x"}}, "no output 'RealtimeUrl' of longcall-dev"),
    ],
)
def test_outputs_that_do_not_name_one_api_are_refused(tmp_path: Path, content: Any, words: str) -> None:
    (tmp_path / "cdk-outputs.json").write_text(json.dumps(content))

    with pytest.raises(ConfigurationError, match=words):
        find_target(None, Target.AWS, start=tmp_path)


def test_other_stacks_in_the_outputs_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "cdk-outputs.json").write_text(json.dumps({"other": {"Url": "x"}, "longcall-dev": OUTPUTS}))

    assert find_target(None, Target.AWS, start=tmp_path) == deployed()


def test_dotenv_is_read_with_quotes_comments_and_export(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# a comment\nA=1\nexport B='two words' # why\nC=\"#3\"\nD=\n\nonly_a_name\n")

    assert read_dotenv(file) == {"A": "1", "B": "two words", "C": "#3", "D": ""}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("Secret#1", "Secret#1"),
        ("Secret # a comment", "Secret"),
        ('"Secret # 1"', "Secret # 1"),
        (r'"Sec#ret\"1"', 'Sec#ret"1'),
        (r"'it\'s #1'", "it's #1"),
        ("pa$$word${HOME}", "pa$$word${HOME}"),
        ("'日本#語'", "日本#語"),
    ],
)
def test_password_in_dotenv_may_contain_any_character(tmp_path: Path, written: str, value: str) -> None:
    (tmp_path / ".env").write_text(f"TEST_USER_PASSWORD={written}\n", "utf-8")

    assert user_of({}, start=tmp_path) == {"TEST_USER_PASSWORD": value}


def test_user_is_read_from_the_environment_or_else_from_dotenv(folder: Path) -> None:
    (folder / ".env").write_text("TEST_USER_EMAIL=test@example.com\nTEST_USER_PASSWORD=Secret-1\nOTHER=x\n")

    assert user_of({}, start=folder / "below") == TESTER
    assert user_of({"TEST_USER_EMAIL": "me@example.com"}, start=folder)["TEST_USER_EMAIL"] == "me@example.com"


def test_deployed_stack_signs_in_the_test_user_by_default_and_a_local_stack_by_name(folder: Path) -> None:
    local = Stack(True, "http://127.0.0.1:1/graphql", None, "us-east-1", "client", None, (User("ada@x", "word"),))

    assert pick_user(deployed(), None, TESTER) == User("test@example.com", "Secret-1")
    assert pick_user(local, None, TESTER) == User("ada@x", "word")
    assert pick_user(local, "test", TESTER) == User("test@example.com", "Secret-1")


def test_deployed_user_pool_is_called_at_its_own_address(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for name, value in TESTER.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("LONGCALL_USERNAME", raising=False)

    caller = Caller.chosen(stack=None, target=Target.AWS, auth=AuthMode.COGNITO)

    assert repr(caller.provider()) == (
        "CognitoPassword('test@example.com' at https://cognito-idp.eu-west-1.amazonaws.com/)"
    )


def test_secrets_are_not_in_the_representation_of_a_stack() -> None:
    users = (User("ada", "very-secret"),)
    stack = Stack(True, "u", None, "r", "c", None, users, operator=("AKIA", "very-secret"))

    assert "very-secret" not in repr(stack)
