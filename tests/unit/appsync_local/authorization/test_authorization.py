import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from appsync_local import IamPrincipal
from appsync_local.errors import FunctionFailed
from tests.support.engine_clients import BACKEND, POWERLESS, Http, signed
from tests.support.engine_doubles import RecordingInvoker
from tests.support.issuer import Issuer, access_claims, id_claims, signing_key

NOTE = '{ note(id: "n1") { id } }'
DATA = {"data": {"note": {"id": "n1"}}}
NOT_AUTHORIZED = (401, "UnauthorizedException", "You are not authorized to make this call.")
NO_CREDENTIAL = (401, "UnauthorizedException", "Valid authorization header not provided.")

Token = Callable[..., str]


def denied(field: str, type_: str, *path: object) -> tuple[object, ...]:
    return "Unauthorized", f"Not Authorized to access {field} on type {type_}", list(path)


def entries(answer: Any) -> list[tuple[object, ...]]:
    return [(entry["errorType"], entry["message"], entry["path"]) for entry in answer["errors"]]


async def ask_as(http: Http, authorization: str, query: str = NOTE) -> Any:
    return await http.ask(query, headers={"authorization": authorization})


async def refused(http: Http, headers: dict[str, str], body: str | None = None) -> tuple[int, str, str]:
    return (await http.send(body or json.dumps({"query": NOTE}), headers)).error


class TestLambdaAuthorizer:
    async def test_no_credential_is_refused(self, http: Http, invoker: RecordingInvoker) -> None:
        assert await refused(http, {}) == NO_CREDENTIAL
        assert invoker.invoked == []

    @pytest.mark.parametrize("answer", [{"isAuthorized": False}, {}, None, "yes", {"isAuthorized": "true"}])
    async def test_any_answer_without_permission_is_refused(
        self, http: Http, invoker: RecordingInvoker, answer: object
    ) -> None:
        invoker.functions["authorizer"] = lambda _: answer

        assert await refused(http, {"authorization": "custom-ada"}) == NOT_AUTHORIZED

    async def test_an_authorizer_that_throws_refuses(self, http: Http, invoker: RecordingInvoker) -> None:
        def throw(_: Any) -> Any:
            raise FunctionFailed("Lambda:Unhandled", "secret reason")

        invoker.functions["authorizer"] = throw

        assert await refused(http, {"authorization": "custom-ada"}) == NOT_AUTHORIZED

    async def test_a_throttled_authorizer_is_answered_as_too_many_requests(
        self, http: Http, invoker: RecordingInvoker
    ) -> None:
        def throttle(_: Any) -> Any:
            raise FunctionFailed("Lambda:TooManyRequestsException", "Rate Exceeded.")

        invoker.functions["authorizer"] = throttle

        answer = await refused(http, {"authorization": "custom-ada"})

        assert answer == (429, "TooManyRequestsException", "Rate Exceeded.")

    async def test_a_nested_resolver_context_is_refused(self, http: Http, invoker: RecordingInvoker) -> None:
        invoker.functions["authorizer"] = lambda _: {"isAuthorized": True, "resolverContext": {"a": {"b": 1}}}

        assert await refused(http, {"authorization": "custom-ada"}) == NOT_AUTHORIZED

    async def test_the_authorizer_receives_the_request_as_it_was_sent(
        self, http: Http, invoker: RecordingInvoker
    ) -> None:
        query = "query Q($id: ID!) { note(id: $id) { id } }"
        body = {"query": query, "variables": {"id": "n1", "extra": 1}}

        await http.send(json.dumps(body | {"operationName": "Q"}), {"authorization": "custom-ada", "x-trace": "t"})
        await http.send(json.dumps(body))

        named, unnamed = invoker.calls("authorizer")
        context = named["requestContext"]
        assert named["authorizationToken"] == "custom-ada"
        assert (context["queryString"], context["variables"]) == (query, {"id": "n1", "extra": 1})
        assert context["operationName"] == "Q"
        assert named["requestHeaders"]["x-trace"] == "t"
        assert "operationName" not in unnamed["requestContext"]
        assert {"apiId", "accountId", "requestId"} <= unnamed["requestContext"].keys()

    async def test_an_answer_is_cached_only_if_it_says_so(self, http: Http, invoker: RecordingInvoker) -> None:
        for _ in range(2):
            await ask_as(http, "custom-ada")
        assert len(invoker.calls("authorizer")) == 2

        invoker.functions["authorizer"] = lambda _: {"isAuthorized": True, "ttlOverride": 60}
        for token in ("custom-ada", "custom-ada", "custom-bob", "custom-ada"):
            await ask_as(http, token)
        assert len(invoker.calls("authorizer")) == 4

    @pytest.mark.parametrize("field", ["Query.note", "arn:aws:appsync:us-east-1:1:apis/x/types/Query/fields/note"])
    async def test_a_denied_field_is_null_and_the_others_are_answered(
        self, http: Http, invoker: RecordingInvoker, field: str
    ) -> None:
        invoker.functions["authorizer"] = lambda _: {"isAuthorized": True, "deniedFields": [field, "Note.words"]}

        answer = await http.ask('{ note(id: "n1") { id } notes { id words } }')

        assert answer["data"]["note"] is None
        assert answer["data"]["notes"][0] == {"id": "n1", "words": None}
        assert denied("note", "Query", "note") in entries(answer)
        assert denied("words", "Note", "notes", 0, "words") in entries(answer)

    async def test_a_token_in_the_form_of_a_jwt_never_reaches_the_authorizer(
        self, http: Http, invoker: RecordingInvoker, issuer: Issuer
    ) -> None:
        forged = issuer.sign(access_claims(exp=int(time.time()) + 60), key=signing_key("forger"), kid="first")

        assert await refused(http, {"authorization": forged}) == NO_CREDENTIAL
        assert await refused(http, {"authorization": f"Bearer {forged}"}) == NO_CREDENTIAL
        assert invoker.invoked == []
        assert await ask_as(http, f"custom-{forged}") == DATA


class TestUserPools:
    @pytest.mark.parametrize("prefix", ["", "Bearer "])
    async def test_an_access_token_is_accepted_with_and_without_bearer(
        self, http: Http, user: Token, prefix: str
    ) -> None:
        assert await ask_as(http, prefix + user()) == DATA

    async def test_an_id_token_is_accepted(self, http: Http, issuer: Issuer) -> None:
        token = issuer.sign(id_claims(exp=int(time.time()) + 60, iat=int(time.time())))

        assert await ask_as(http, token) == DATA

    async def test_the_code_sees_the_claims_of_the_user(
        self, http: Http, user: Token, invoker: RecordingInvoker
    ) -> None:
        await ask_as(http, user())

        identity = invoker.calls("notes")[0]["identity"]
        assert identity["sub"] == "a3b1c2d4-0000-4000-8000-000000000001"
        assert (identity["username"], identity["groups"]) == ("alice", ["staff", "editors"])
        assert identity["claims"]["token_use"] == "access"
        assert identity["sourceIp"] == ["127.0.0.1"]
        assert identity.keys() == {
            "sub", "issuer", "username", "claims", "sourceIp", "defaultAuthStrategy", "groups",
        }  # fmt: skip

    @pytest.mark.parametrize(
        "claims",
        [
            {"iss": "https://elsewhere.test/pool"},
            {"client_id": "another-client"},
            {"token_use": "refresh"},
            {"token_use": None},
            {"sub": None},
            {"exp": None},
            {"token_use": "id"},
        ],
    )
    async def test_a_token_of_another_issuer_client_or_use_is_refused(
        self, http: Http, user: Token, claims: dict[str, object]
    ) -> None:
        assert await refused(http, {"authorization": user(**claims)}) == NO_CREDENTIAL

    @pytest.mark.parametrize("algorithm", ["none", "HS256"])
    async def test_a_token_without_a_signature_of_the_pool_is_refused(
        self, http: Http, issuer: Issuer, algorithm: str
    ) -> None:
        claims = access_claims(exp=int(time.time()) + 60, iat=int(time.time()))
        parts = [json.dumps(part).encode() for part in ({"alg": algorithm, "kid": issuer.keys[0].kid}, claims)]
        text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        public = issuer.keys[0].public_pem()
        mac = hmac.digest(public, text, "sha256") if algorithm == "HS256" else b""
        token = b".".join((text, base64.urlsafe_b64encode(mac).rstrip(b"="))).decode()

        assert await refused(http, {"authorization": token}) == NO_CREDENTIAL

    async def test_an_expired_token_is_refused(self, http: Http, user: Token) -> None:
        status, error_type, message = await refused(http, {"authorization": user(exp=int(time.time()) - 60)})

        assert (status, error_type, message) == (401, "UnauthorizedException", "Token has expired.")

    @pytest.mark.parametrize("claims", [{"iat": 5}, {"nbf": 5}, {"exp": -5}, {"iat": 5, "nbf": 5}])
    async def test_a_small_difference_of_clocks_is_tolerated(
        self, http: Http, user: Token, claims: dict[str, int]
    ) -> None:
        token = user(**{name: int(time.time()) + seconds for name, seconds in claims.items()})

        assert (await http.send(json.dumps({"query": NOTE}), {"authorization": token})).status == 200

    @pytest.mark.parametrize("claims", [{"iat": 60}, {"nbf": 60}])
    async def test_a_token_of_the_future_is_refused(self, http: Http, user: Token, claims: dict[str, int]) -> None:
        token = user(**{name: int(time.time()) + seconds for name, seconds in claims.items()})

        assert await refused(http, {"authorization": token}) == NO_CREDENTIAL

    async def test_the_keys_are_fetched_once(self, http: Http, user: Token, issuer: Issuer) -> None:
        before = issuer.fetches

        for _ in range(3):
            await ask_as(http, user())
        unknown = issuer.sign(access_claims(exp=int(time.time()) + 60), kid="unheard-of")
        for _ in range(3):
            assert await refused(http, {"authorization": unknown}) == NO_CREDENTIAL

        assert issuer.fetches == before + 1  # an unknown key id asks again, but not at once


class TestIam:
    BODY = json.dumps({"query": NOTE})

    async def test_a_signed_request_is_accepted_and_its_identity_is_the_role(
        self, http: Http, invoker: RecordingInvoker
    ) -> None:
        response = await http.send(self.BODY, signed(http.url, self.BODY))

        assert response.json == DATA
        identity = invoker.calls("notes")[0]["identity"]
        assert identity["userArn"] == BACKEND.arn
        assert (identity["accountId"], identity["username"]) == ("111122223333", "worker")
        assert identity.keys() == {
            "accountId", "cognitoIdentityPoolId", "cognitoIdentityId", "sourceIp", "username", "userArn",
            "cognitoIdentityAuthType", "cognitoIdentityAuthProvider",
        }  # fmt: skip

    async def test_a_signature_of_another_request_is_refused(self, http: Http) -> None:
        stranger = IamPrincipal("AKIDNOBODY", "x", BACKEND.arn, BACKEND.account_id, BACKEND.allowed)
        wrong_secret = IamPrincipal(BACKEND.access_key_id, "guess", BACKEND.arn, BACKEND.account_id, BACKEND.allowed)
        other_path = http.url.replace("/graphql", "/graphql/connect")

        mismatch, scope = "The request signature we calculated does not match", "Credential should be scoped to "
        for headers, error_type, words in (
            (signed(http.url, self.BODY, stranger), "UnrecognizedClientException",
             "The security token included in the request is invalid."),
            (signed(http.url, self.BODY, wrong_secret), "InvalidSignatureException", mismatch),
            (signed(http.url, self.BODY + " "), "InvalidSignatureException", mismatch),
            (signed(http.url, self.BODY, service="execute-api"), "InvalidSignatureException", scope),
            (signed(http.url, self.BODY, region="eu-west-1"), "InvalidSignatureException", scope),
            (signed(other_path, self.BODY), "InvalidSignatureException", mismatch),
        ):  # fmt: skip
            status, found, message = await refused(http, headers, self.BODY)
            assert (status, found, message[: len(words)]) == (403, error_type, words)

    async def test_a_mismatch_says_which_canonical_request_was_expected(self, http: Http) -> None:
        headers = signed(http.url, self.BODY + " ")

        _, _, message = await refused(http, headers, self.BODY)

        digest = hashlib.sha256(self.BODY.encode()).hexdigest()
        assert "'POST\n/graphql\n\naccept:application/json, text/javascript\n" in message
        assert f"\nhost:{headers['host']}\n" in message
        assert f"\n{digest}'\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n" in message
        assert BACKEND.secret_access_key not in message

    async def test_a_date_outside_the_scope_of_the_credential_is_named(self, http: Http) -> None:
        headers = signed(http.url, self.BODY)
        headers["X-Amz-Date"] = "20200101T000000Z"

        status, found, message = await refused(http, headers, self.BODY)

        assert (status, found) == (403, "InvalidSignatureException")
        assert message.startswith("Date in Credential scope does not match YYYYMMDD from ISO-8601")

    async def test_a_root_field_outside_the_permissions_is_denied(self, http: Http) -> None:
        body = json.dumps({"query": '{ note(id: "n1") { id } defaultOnly }'})

        response = await http.send(body, signed(http.url, body))

        assert response.status == 200
        assert response.json["data"] == {"note": {"id": "n1"}, "defaultOnly": None}
        assert entries(response.json) == [denied("defaultOnly", "Query", "defaultOnly")]

    async def test_a_caller_without_any_permission_is_refused(self, http: Http) -> None:
        headers = signed(http.url, self.BODY, POWERLESS)

        assert await refused(http, headers, self.BODY) == (401, "UnauthorizedException", "Permission denied")


class TestDirectives:
    async def test_a_field_without_directives_is_for_the_default_mode_alone(self, http: Http, user: Token) -> None:
        by_default_mode = await ask_as(http, "custom-ada", "{ defaultOnly }")
        by_another = await ask_as(http, user(), "{ defaultOnly }")

        assert by_default_mode == {"data": {"defaultOnly": "defaultOnly"}}
        assert by_another["data"] == {"defaultOnly": None}
        assert entries(by_another) == [denied("defaultOnly", "Query", "defaultOnly")]

    async def test_a_directive_without_the_default_mode_excludes_it(self, http: Http) -> None:
        answer = await http.ask('mutation { erase(id: "n1") { id } }')

        assert answer["data"] is None
        assert entries(answer) == [denied("erase", "Mutation", "erase")]

    async def test_a_type_without_the_mode_denies_each_of_its_fields(
        self, http: Http, invoker: RecordingInvoker
    ) -> None:
        invoker.functions["notes"] = lambda _: {"id": "l1", "total": 3}

        answer = await http.ask("{ ledger { total __typename } }")

        assert answer["data"] == {"ledger": {"total": None, "__typename": "Ledger"}}
        assert entries(answer) == [denied("total", "Ledger", "ledger", "total")]

    async def test_groups_are_required_where_the_directive_names_them(self, http: Http, user: Token) -> None:
        inside = await ask_as(http, user(), "{ forEditors }")
        outside = await ask_as(http, user(**{"cognito:groups": ["staff"]}), "{ forEditors }")

        assert inside == {"data": {"forEditors": "forEditors"}}
        assert entries(outside) == [denied("forEditors", "Query", "forEditors")]

    async def test_the_directives_of_a_field_replace_those_of_its_type(self, http: Http, user: Token) -> None:
        query = '{ note(id: "n1") { id secret } }'

        by_editor, by_authorizer = await asyncio.gather(ask_as(http, user(), query), ask_as(http, "custom-ada", query))

        assert by_editor == {"data": {"note": {"id": "n1", "secret": None}}}
        assert by_authorizer["data"] == {"note": {"id": "n1", "secret": None}}
        assert entries(by_authorizer) == [denied("secret", "Note", "note", "secret")]
