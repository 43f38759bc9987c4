"""Signing in at the local Cognito: by SRP with pycognito, by password and by refresh token with boto3."""

import json
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt
import pycognito
import pytest
from pycognito.aws_srp import AWSSRP
from pycognito.exceptions import ForceChangePasswordException

from infrastructure.stages import PROD
from local_stack.services.cognito.pool import PoolRules
from longcall.srp import MODULUS
from tests.unit.local_stack.cognito.conftest import Service, refusal

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

ADA, PASSWORD = "ada@example.com", "Local-only-1"
WRONG = ("NotAuthorizedException", "Incorrect username or password.")


def by_password(service: Service, name: str = ADA, password: str = PASSWORD) -> dict[str, Any]:
    answer = service.boto3().initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH", ClientId=service.pool.client_id,
        AuthParameters={"USERNAME": name, "PASSWORD": password},
    )  # fmt: skip
    return dict(answer["AuthenticationResult"])


def srp(service: Service, name: str, password: str) -> AWSSRP:
    pool = service.pool
    return AWSSRP(name, password, pool.pool_id, pool.client_id, client=service.boto3())


def claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


@pytest.mark.parametrize("name", [ADA, "Ada@Example.COM"])
def test_right_password_signs_in_by_srp(service: Service, name: str) -> None:
    tokens = srp(service, name, PASSWORD).authenticate_user()["AuthenticationResult"]

    assert claims(tokens["AccessToken"])["sub"] == service.test_users[0].sub


@pytest.mark.parametrize(("name", "password"), [(ADA, "Local-only-2"), (ADA, ""), ("nobody@example.com", PASSWORD)])
def test_wrong_password_or_name_is_refused_by_srp(service: Service, name: str, password: str) -> None:
    assert refusal(srp(service, name, password).authenticate_user) == WRONG


def test_pycognito_accepts_the_tokens_by_the_published_keys(service: Service) -> None:
    user = pycognito.Cognito(
        service.pool.pool_id, service.pool.client_id, username=ADA, user_pool_region="us-east-1",
        boto3_client_kwargs={"endpoint_url": service.pool.endpoint, "region_name": "us-east-1"},
    )  # fmt: skip
    user.pool_domain_url = service.pool.endpoint

    user.authenticate(password=PASSWORD)
    user.verify_tokens()

    assert user.id_claims["email"] == ADA


def test_challenge_for_a_name_that_nobody_has_looks_like_any_other(
    service: Service, client: "CognitoIdentityProviderClient"
) -> None:
    def challenge(name: str) -> dict[str, str]:
        given = {"USERNAME": name, "SRP_A": f"{7**900 % MODULUS:x}"}
        answer = client.initiate_auth(AuthFlow="USER_SRP_AUTH", ClientId=service.pool.client_id, AuthParameters=given)
        return dict(answer["ChallengeParameters"])

    known, unknown, again = challenge(ADA), challenge("nobody@example.com"), challenge("Nobody@example.com")

    assert known.keys() == unknown.keys()
    assert unknown["SALT"] == again["SALT"]
    assert unknown["USER_ID_FOR_SRP"] == again["USER_ID_FOR_SRP"]


@pytest.mark.parametrize("value", ["0", f"{MODULUS:x}", f"{2 * MODULUS:x}"])
def test_public_value_with_which_anybody_could_sign_in_is_refused(
    service: Service, client: "CognitoIdentityProviderClient", value: str
) -> None:
    kind, _ = refusal(
        client.initiate_auth, AuthFlow="USER_SRP_AUTH", ClientId=service.pool.client_id,
        AuthParameters={"USERNAME": ADA, "SRP_A": value},
    )  # fmt: skip

    assert kind == "InvalidParameterException"


def test_challenge_can_be_answered_once_only(service: Service, client: "CognitoIdentityProviderClient") -> None:
    proof = srp(service, ADA, PASSWORD)
    begun = client.initiate_auth(
        AuthFlow="USER_SRP_AUTH", ClientId=service.pool.client_id, AuthParameters=proof.get_auth_params()
    )
    answer: dict[str, Any] = {
        "ClientId": service.pool.client_id, "ChallengeName": "PASSWORD_VERIFIER",
        "ChallengeResponses": proof.process_challenge(begun["ChallengeParameters"], proof.get_auth_params()),
    }  # fmt: skip
    client.respond_to_auth_challenge(**answer)

    assert refusal(client.respond_to_auth_challenge, **answer) == WRONG


def test_challenge_is_void_after_three_minutes(start: Callable[..., Service]) -> None:
    service = start()
    proof = srp(service, ADA, PASSWORD)
    begun = service.boto3().initiate_auth(
        AuthFlow="USER_SRP_AUTH", ClientId=service.pool.client_id, AuthParameters=proof.get_auth_params()
    )
    responses = proof.process_challenge(begun["ChallengeParameters"], proof.get_auth_params())
    service.clock.offset = timedelta(minutes=3)

    refused = refusal(
        service.boto3().respond_to_auth_challenge, ClientId=service.pool.client_id,
        ChallengeName="PASSWORD_VERIFIER", ChallengeResponses=responses,
    )  # fmt: skip

    assert refused == WRONG


def test_tokens_have_the_claims_of_cognito(service: Service) -> None:
    tokens, ada = by_password(service), service.test_users[0]
    access, identity = claims(tokens["AccessToken"]), claims(tokens["IdToken"])

    assert (tokens["ExpiresIn"], tokens["TokenType"]) == (3600, "Bearer")
    assert access.keys() == {
        "sub", "iss", "client_id", "origin_jti", "event_id", "token_use", "scope", "auth_time", "exp", "iat", "jti",
        "username",
    }  # fmt: skip
    assert identity.keys() == {
        "sub", "iss", "aud", "origin_jti", "event_id", "token_use", "auth_time", "exp", "iat", "jti", "email",
        "email_verified", "cognito:username",
    }  # fmt: skip
    assert (access["sub"], access["username"], access["client_id"]) == (ada.sub, ada.sub, service.pool.client_id)
    assert (identity["email"], identity["email_verified"], identity["aud"]) == (ADA, True, service.pool.client_id)
    assert access["iss"] == identity["iss"] == f"{service.pool.endpoint}/{service.pool.pool_id}"


def test_refresh_token_brings_new_tokens_of_the_same_sign_in(
    service: Service, client: "CognitoIdentityProviderClient"
) -> None:
    first = by_password(service)

    second = client.initiate_auth(
        AuthFlow="REFRESH_TOKEN_AUTH", ClientId=service.pool.client_id,
        AuthParameters={"REFRESH_TOKEN": first["RefreshToken"]},
    )["AuthenticationResult"]  # fmt: skip

    assert "RefreshToken" not in second
    assert claims(second["AccessToken"])["origin_jti"] == claims(first["AccessToken"])["origin_jti"]
    assert claims(second["AccessToken"])["jti"] != claims(first["AccessToken"])["jti"]


def test_refresh_token_expires_as_the_stage_says(start: Callable[..., Service]) -> None:
    service = start(rules=PoolRules(PROD.sign_in))  # seven days
    token = srp(service, ADA, PASSWORD).authenticate_user()["AuthenticationResult"]["RefreshToken"]

    def renew() -> object:
        return service.boto3().initiate_auth(
            AuthFlow="REFRESH_TOKEN_AUTH", ClientId=service.pool.client_id, AuthParameters={"REFRESH_TOKEN": token}
        )

    service.clock.offset = timedelta(days=6, hours=23)
    renew()
    service.clock.offset = timedelta(days=7)

    assert refusal(renew) == ("NotAuthorizedException", "Refresh Token has expired")


def test_flow_that_a_stage_does_not_allow_is_refused(start: Callable[..., Service]) -> None:
    service = start(rules=PoolRules(PROD.sign_in))

    refused = refusal(lambda: by_password(service))

    assert refused == ("InvalidParameterException", "USER_PASSWORD_AUTH flow not enabled for this client")


@pytest.mark.parametrize(
    ("flow", "words"),
    [
        ("ADMIN_USER_PASSWORD_AUTH", "Initiate Auth method not supported."),
        ("ADMIN_NO_SRP_AUTH", "Initiate Auth method not supported."),
        ("CUSTOM_AUTH", "CUSTOM_AUTH is not enabled for the client."),
        ("USER_AUTH", "USER_AUTH is not enabled for the client."),
    ],
)
def test_flow_that_the_deployed_client_lacks_is_refused(
    service: Service, client: "CognitoIdentityProviderClient", flow: Any, words: str
) -> None:
    given = {"USERNAME": ADA, "PASSWORD": PASSWORD}
    refused = refusal(client.initiate_auth, AuthFlow=flow, ClientId=service.pool.client_id, AuthParameters=given)

    assert refused == ("InvalidParameterException", words)


def test_operators_flow_is_refused_with_a_right_password(
    service: Service, client: "CognitoIdentityProviderClient"
) -> None:
    refused = refusal(
        client.admin_initiate_auth, AuthFlow="ADMIN_USER_PASSWORD_AUTH", UserPoolId=service.pool.pool_id,
        ClientId=service.pool.client_id, AuthParameters={"USERNAME": ADA, "PASSWORD": PASSWORD},
    )  # fmt: skip

    assert refused == ("InvalidParameterException", "Auth flow not enabled for this client")


def test_client_of_another_folder_is_refused(service: Service, client: "CognitoIdentityProviderClient") -> None:
    refused = refusal(
        client.initiate_auth, AuthFlow="USER_PASSWORD_AUTH", ClientId="2ab3example",
        AuthParameters={"USERNAME": ADA, "PASSWORD": PASSWORD},
    )  # fmt: skip

    assert refused == ("ResourceNotFoundException", "User pool client 2ab3example does not exist.")


def test_user_of_an_operator_chooses_a_password_at_the_first_sign_in(
    service: Service, client: "CognitoIdentityProviderClient"
) -> None:
    client.admin_create_user(
        UserPoolId=service.pool.pool_id, Username="new@example.com", TemporaryPassword="Temporary-1"
    )
    user = srp(service, "new@example.com", "Temporary-1")
    with pytest.raises(ForceChangePasswordException):
        user.authenticate_user()

    user.set_new_password_challenge("Chosen-by-me-1")

    assert (
        "AccessToken" in srp(service, "new@example.com", "Chosen-by-me-1").authenticate_user()["AuthenticationResult"]
    )
    assert refusal(srp(service, "new@example.com", "Temporary-1").authenticate_user) == WRONG


def test_answers_are_in_cognitos_form(service: Service) -> None:
    request = urllib.request.Request(  # noqa: S310
        service.pool.endpoint + "/",
        json.dumps({"ClientId": service.pool.client_id, "AuthFlow": "NONE"}).encode(),
        {"X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth"},
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)  # noqa: S310
    body = json.loads(caught.value.read())
    caught.value.close()

    assert caught.value.code == 400
    assert caught.value.headers["content-type"] == "application/x-amz-json-1.1"
    assert caught.value.headers["x-amzn-errortype"] == body["__type"] == "InvalidParameterException"
    assert "Value 'NONE' at 'authFlow' failed to satisfy constraint" in body["message"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"text"', b"\xff", b"[" * 5000, b'{"ClientId": 7}'])
def test_body_that_is_no_request_is_refused_in_cognitos_form(service: Service, body: bytes) -> None:
    request = urllib.request.Request(  # noqa: S310
        service.pool.endpoint, body, {"X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth"}, method="POST"
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)  # noqa: S310
    answer = json.loads(caught.value.read())
    caught.value.close()

    assert (caught.value.code, answer["__type"]) == (400, "SerializationException")
