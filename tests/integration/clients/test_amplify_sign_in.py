"""Amplify's sign-in, unmodified, at the local Cognito: SRP is Amplify's default."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration.clients.conftest import SIGN_IN, Runs


@pytest.fixture
def parts(runs: Runs) -> dict[str, Mapping[str, Any]]:
    """How each call ended, by its name in the script."""
    return {line["part"]: {key: it for key, it in line.items() if key != "part"} for line in runs.lines(SIGN_IN)}


@pytest.mark.parametrize("part", ["wrong", "nobody"])
def test_wrong_password_is_refused(parts: dict[str, Mapping[str, Any]], part: str) -> None:
    assert parts[part] == {"error": "NotAuthorizedException", "message": "Incorrect username or password."}


@pytest.mark.parametrize("part", ["right", "plain"])
def test_right_password_signs_in_by_srp_and_by_the_password_itself(
    parts: dict[str, Mapping[str, Any]], part: str
) -> None:
    assert parts[part] == {"isSignedIn": True}


def test_user_is_the_one_of_the_stack_file(parts: dict[str, Mapping[str, Any]], stack: Mapping[str, Any]) -> None:
    ada = stack["users"][0]

    assert parts["attributes"] == {"email": ada["username"], "email_verified": "true", "sub": ada["sub"]}
    assert parts["renewed"] == {"userSub": ada["sub"]}


def test_weak_password_is_refused_in_cognitos_words(parts: dict[str, Mapping[str, Any]]) -> None:
    assert parts["weak"] == {
        "error": "InvalidPasswordException",
        "message": "Password did not conform with policy: Password not long enough",
    }


def test_new_user_must_confirm_the_address_first(parts: dict[str, Mapping[str, Any]]) -> None:
    assert parts["signed up"]["signUpStep"] == "CONFIRM_SIGN_UP"
    assert parts["signed up"]["codeDeliveryDetails"]["destination"] == "a***@e***"
    assert parts["unconfirmed"]["signInStep"] == "CONFIRM_SIGN_UP"
