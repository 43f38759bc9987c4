"""Users of the local Cognito: what they and operators do with accounts, and what survives a restart."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from infrastructure.stage import SignUp
from local_stack.services.cognito.pool import PoolRules
from tests.unit.local_stack.cognito.conftest import Service, refusal
from tests.unit.local_stack.cognito.test_signing_in import ADA, PASSWORD, WRONG, by_password, claims

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

Codes = Callable[[str], str]
NEW = "Another-one-2"


def signed_up(service: Service, email: str) -> str:
    answer = service.boto3().sign_up(ClientId=service.pool.client_id, Username=email, Password=PASSWORD)
    return answer["UserSub"]


def confirmed(service: Service, email: str, codes: Codes) -> str:
    sub = signed_up(service, email)
    service.boto3().confirm_sign_up(ClientId=service.pool.client_id, Username=email, ConfirmationCode=codes(email))
    return sub


def test_sign_up_is_confirmed_by_the_code_in_the_log(service: Service, codes: Codes) -> None:
    sub = signed_up(service, "eve@example.com")
    unconfirmed = refusal(lambda: by_password(service, "eve@example.com"))
    wrong = refusal(
        service.boto3().confirm_sign_up, ClientId=service.pool.client_id, Username="eve@example.com",
        ConfirmationCode="000000" if codes("eve@example.com") != "000000" else "000001",
    )  # fmt: skip
    service.boto3().confirm_sign_up(
        ClientId=service.pool.client_id, Username="eve@example.com", ConfirmationCode=codes("eve@example.com")
    )
    tokens = by_password(service, "eve@example.com")

    assert unconfirmed == ("UserNotConfirmedException", "User is not confirmed.")
    assert wrong == ("CodeMismatchException", "Invalid verification code provided, please try again.")
    assert claims(tokens["AccessToken"])["sub"] == sub
    assert claims(tokens["IdToken"])["email_verified"] is True


def test_resent_code_replaces_the_first_one(service: Service, codes: Codes) -> None:
    email = "resend@example.com"
    signed_up(service, email)
    details = service.boto3().resend_confirmation_code(ClientId=service.pool.client_id, Username=email)

    service.boto3().confirm_sign_up(ClientId=service.pool.client_id, Username=email, ConfirmationCode=codes(email))

    assert details["CodeDeliveryDetails"]["Destination"] == "r***@e***"
    assert refusal(service.boto3().resend_confirmation_code, ClientId=service.pool.client_id, Username=email) == (
        "InvalidParameterException",
        "User is already confirmed.",
    )


def test_code_cannot_be_guessed(service: Service, codes: Codes) -> None:
    email = "guess@example.com"
    signed_up(service, email)
    right = codes(email)
    guesses = [f"{number:06d}" for number in range(6) if f"{number:06d}" != right][:5]
    kinds = [
        refusal(
            service.boto3().confirm_sign_up, ClientId=service.pool.client_id, Username=email, ConfirmationCode=guess
        )[0]
        for guess in [*guesses, right]
    ]

    assert kinds == ["CodeMismatchException"] * 5 + ["ExpiredCodeException"]


def test_e_mail_address_has_one_user(service: Service, client: "CognitoIdentityProviderClient") -> None:
    signed_up(service, "once@example.com")

    again = refusal(lambda: signed_up(service, "Once@Example.com"))
    by_operator = refusal(client.admin_create_user, UserPoolId=service.pool.pool_id, Username="once@example.com")

    assert again == ("UsernameExistsException", "An account with the given email already exists.")
    assert by_operator == ("UsernameExistsException", "User account already exists")


@pytest.mark.parametrize("name", ["eve", "@example.com", "eve@", "e ve@example.com", "a@b@c"])
def test_name_that_is_no_e_mail_address_is_refused(service: Service, name: str) -> None:
    assert refusal(lambda: signed_up(service, name)) == (
        "InvalidParameterException", "Username should be an email."
    )  # fmt: skip


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("Short-1", "Password not long enough"),
        ("lower-case-1", "Password must have uppercase characters"),
        ("UPPER-CASE-1", "Password must have lowercase characters"),
        ("No-digits-", "Password must have numeric characters"),
        ("NoSymbols1", "Password must have symbol characters"),
    ],
)
def test_password_must_conform_with_the_deployed_policy(service: Service, password: str, problem: str) -> None:
    refused = refusal(
        service.boto3().sign_up, ClientId=service.pool.client_id, Username="weak@example.com", Password=password
    )

    assert refused == ("InvalidPasswordException", f"Password did not conform with policy: {problem}")


def test_sign_up_is_refused_where_an_operator_creates_users(start: Callable[..., Service]) -> None:
    service = start(rules=PoolRules(sign_up=SignUp.OPERATOR))

    assert refusal(lambda: signed_up(service, "eve@example.com")) == (
        "NotAuthorizedException", "SignUp is not permitted for this user pool"
    )  # fmt: skip


def test_forgotten_password_is_replaced_with_the_code_in_the_log(service: Service, codes: Codes) -> None:
    email = "forgets@example.com"
    confirmed(service, email, codes)
    service.boto3().forgot_password(ClientId=service.pool.client_id, Username=email)

    service.boto3().confirm_forgot_password(
        ClientId=service.pool.client_id, Username=email, ConfirmationCode=codes(email), Password=NEW
    )

    assert "AccessToken" in by_password(service, email, NEW)
    assert refusal(lambda: by_password(service, email)) == WRONG


def test_nobody_learns_that_a_user_does_not_exist(service: Service, client: "CognitoIdentityProviderClient") -> None:
    nobody: Any = {"ClientId": service.pool.client_id, "Username": "nobody@example.com"}

    assert client.forgot_password(**nobody)["CodeDeliveryDetails"]["Destination"] == "n***@e***"
    assert client.resend_confirmation_code(**nobody)["CodeDeliveryDetails"]["Destination"] == "n***@e***"
    assert refusal(client.confirm_sign_up, **nobody, ConfirmationCode="1")[0] == "ExpiredCodeException"
    assert (
        refusal(client.confirm_forgot_password, **nobody, ConfirmationCode="1", Password=NEW)[0]
        == "CodeMismatchException"
    )


def test_changed_password_needs_the_old_one(
    service: Service, client: "CognitoIdentityProviderClient", codes: Codes
) -> None:
    email = "changes@example.com"
    confirmed(service, email, codes)
    token = by_password(service, email)["AccessToken"]
    wrong = refusal(client.change_password, AccessToken=token, PreviousPassword=NEW, ProposedPassword=NEW)
    client.change_password(AccessToken=token, PreviousPassword=PASSWORD, ProposedPassword=NEW)

    assert wrong == WRONG
    assert "AccessToken" in by_password(service, email, NEW)


def test_global_sign_out_revokes_all_tokens(
    service: Service, client: "CognitoIdentityProviderClient", codes: Codes
) -> None:
    email = "leaves@example.com"
    confirmed(service, email, codes)
    first, second = by_password(service, email), by_password(service, email)

    client.global_sign_out(AccessToken=first["AccessToken"])

    assert refusal(client.get_user, AccessToken=second["AccessToken"]) == (
        "NotAuthorizedException", "Access Token has been revoked"
    )  # fmt: skip
    assert refusal(
        client.initiate_auth, AuthFlow="REFRESH_TOKEN_AUTH", ClientId=service.pool.client_id,
        AuthParameters={"REFRESH_TOKEN": second["RefreshToken"]},
    ) == ("NotAuthorizedException", "Refresh Token has been revoked")  # fmt: skip


def test_revoking_a_refresh_token_ends_that_sign_in_only(
    service: Service, client: "CognitoIdentityProviderClient"
) -> None:
    first, second = by_password(service), by_password(service)

    client.revoke_token(ClientId=service.pool.client_id, Token=first["RefreshToken"])

    assert refusal(client.get_user, AccessToken=first["AccessToken"])[0] == "NotAuthorizedException"
    assert client.get_user(AccessToken=second["AccessToken"])["Username"] == service.test_users[0].sub


def test_access_token_is_not_accepted_after_an_hour(start: Callable[..., Service]) -> None:
    service = start()
    token = by_password(service)["AccessToken"]
    service.clock.offset = timedelta(hours=1)

    assert refusal(service.boto3().get_user, AccessToken=token) == (
        "NotAuthorizedException", "Access Token has expired"
    )  # fmt: skip


def test_operator_finds_users(service: Service, client: "CognitoIdentityProviderClient") -> None:
    pool, ada = service.pool.pool_id, service.test_users[0]
    found = client.list_users(UserPoolId=pool, Filter=f'email = "{ADA}"')["Users"]
    by_start = client.list_users(UserPoolId=pool, Filter='email ^= "ada@"')["Users"]
    pages = client.get_paginator("list_users").paginate(UserPoolId=pool, PaginationConfig={"PageSize": 1})
    everybody = [user["Username"] for page in pages for user in page["Users"]]

    assert [user["Username"] for user in found] == [user["Username"] for user in by_start] == [ada.sub]
    assert client.admin_get_user(UserPoolId=pool, Username=ADA)["Username"] == ada.sub
    assert {user.sub for user in service.test_users} <= set(everybody)
    assert len(everybody) == len(set(everybody))


def test_operator_is_told_that_a_user_does_not_exist(service: Service, client: "CognitoIdentityProviderClient") -> None:
    refused = refusal(client.admin_get_user, UserPoolId=service.pool.pool_id, Username="nobody@example.com")

    assert refused == ("UserNotFoundException", "User does not exist.")


def test_disabled_user_may_not_sign_in(service: Service, client: "CognitoIdentityProviderClient", codes: Codes) -> None:
    email = "disabled@example.com"
    confirmed(service, email, codes)

    client.admin_disable_user(UserPoolId=service.pool.pool_id, Username=email)

    assert refusal(lambda: by_password(service, email)) == ("NotAuthorizedException", "User is disabled.")


@pytest.mark.parametrize(
    ("key", "kind"),
    [(("AKIAOTHER", "local"), "UnrecognizedClientException"), (None, "InvalidSignatureException")],
)
def test_operators_calls_need_the_operators_key(service: Service, key: tuple[str, str] | None, kind: str) -> None:
    other = service.boto3(key or (service.key[0], "another secret"))

    refused = refusal(
        other.admin_set_user_password, UserPoolId=service.pool.pool_id, Username=ADA, Password=NEW, Permanent=True
    )

    assert refused[0] == kind
    assert "stack.json" in refused[1]


def test_description_is_that_of_the_deployed_pool(service: Service, client: "CognitoIdentityProviderClient") -> None:
    pool = client.describe_user_pool(UserPoolId=service.pool.pool_id)["UserPool"]
    app = client.describe_user_pool_client(
        UserPoolId=service.pool.pool_id, ClientId=service.pool.client_id
    )["UserPoolClient"]  # fmt: skip

    assert (pool["UsernameAttributes"], pool["Policies"]["PasswordPolicy"]["MinimumLength"]) == (["email"], 8)
    assert app["ExplicitAuthFlows"] == ["ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]


def test_users_of_all_kinds_survive_a_restart(start: Callable[..., Service], codes: Codes) -> None:
    service = start()
    subs = {"eve@example.com": confirmed(service, "eve@example.com", codes), ADA: service.test_users[0].sub}
    created = service.boto3().admin_create_user(UserPoolId=service.pool.pool_id, Username="ops@example.com")
    service.boto3().admin_set_user_password(
        UserPoolId=service.pool.pool_id, Username="ops@example.com", Password=PASSWORD, Permanent=True
    )
    subs["ops@example.com"] = created["User"]["Username"]
    refresh_token = by_password(service, "eve@example.com")["RefreshToken"]
    service.stop()

    again = start()

    assert (again.pool.pool_id, again.pool.client_id) == (service.pool.pool_id, service.pool.client_id)
    for email, sub in subs.items():
        assert claims(by_password(again, email)["AccessToken"])["sub"] == sub
    renewed = again.boto3().initiate_auth(
        AuthFlow="REFRESH_TOKEN_AUTH", ClientId=again.pool.client_id, AuthParameters={"REFRESH_TOKEN": refresh_token}
    )
    assert claims(renewed["AuthenticationResult"]["AccessToken"])["sub"] == subs["eve@example.com"]


def test_test_users_have_their_documented_passwords_after_a_restart(start: Callable[..., Service]) -> None:
    service = start()
    token = by_password(service)["AccessToken"]
    service.boto3().change_password(AccessToken=token, PreviousPassword=PASSWORD, ProposedPassword=NEW)
    changed = refusal(lambda: by_password(service))
    service.stop()

    again = start()

    assert changed == WRONG
    assert "AccessToken" in by_password(again)


def test_no_file_contains_a_password_or_a_refresh_token(start: Callable[..., Service], codes: Codes) -> None:
    service = start()
    confirmed(service, "eve@example.com", codes)
    token = by_password(service, "eve@example.com")["RefreshToken"]
    service.stop()

    content = b"".join(file.read_bytes() for file in service.folder.rglob("*") if file.is_file())

    assert b"eve@example.com" in content
    assert PASSWORD.encode() not in content
    assert token.encode() not in content
