import base64
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import timedelta

import jwt
import pytest

from chalicelib.api.tokens import LEEWAY, REFETCH_PAUSE, RETRY_PAUSE, Identity, TokenUse, TokenVerifier
from chalicelib.jobs.errors import MissingSettings, TokenRejected, TokenRejection
from tests.support.issuer import (
    CLIENT_ID,
    ISSUER,
    LIFETIME,
    NOW,
    Issuer,
    access_claims,
    id_claims,
    running_issuer,
    signing_key,
)


class FakeClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def verifier(issuer: Issuer, clock: FakeClock) -> TokenVerifier:
    return TokenVerifier(ISSUER, issuer.jwks_url, [CLIENT_ID], clock=clock)


def rejection(verifier: TokenVerifier, token: str) -> TokenRejection:
    with pytest.raises(TokenRejected) as rejected:
        verifier.verify(token, now=NOW)
    return rejected.value.reason


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_access_token_gives_its_bearer(verifier: TokenVerifier, issuer: Issuer) -> None:
    identity = verifier.verify(issuer.sign(access_claims()), now=NOW)

    assert identity == Identity(
        sub="a3b1c2d4-0000-4000-8000-000000000001",
        username="alice",
        groups=("staff", "editors"),
        token_use=TokenUse.ACCESS,
        client_id=CLIENT_ID,
        expires_at=NOW + LIFETIME,
    )


def test_id_token_gives_its_bearer(verifier: TokenVerifier, issuer: Issuer) -> None:
    identity = verifier.verify(issuer.sign(id_claims()), now=NOW)

    assert (identity.token_use, identity.username, identity.client_id) == (TokenUse.ID, "alice", CLIENT_ID)


def test_a_token_may_be_for_any_of_the_clients_and_says_for_which(issuer: Issuer) -> None:
    verifier = TokenVerifier(ISSUER, issuer.jwks_url, [CLIENT_ID, "console"])

    found = [verifier.verify(issuer.sign(access_claims(client_id=it)), now=NOW) for it in (CLIENT_ID, "console")]

    assert [it.client_id for it in found] == [CLIENT_ID, "console"]
    assert rejection(verifier, issuer.sign(access_claims(client_id=f"{CLIENT_ID},console"))) is TokenRejection.AUDIENCE


def test_token_without_a_username_is_named_by_its_sub(verifier: TokenVerifier, issuer: Issuer) -> None:
    claims = access_claims(sub="machine", **{"username": None, "cognito:groups": None})

    identity = verifier.verify(issuer.sign(claims), now=NOW)

    assert (identity.username, identity.groups) == ("machine", ())


def test_any_published_key_may_sign(verifier: TokenVerifier, issuer: Issuer) -> None:
    token = issuer.sign(access_claims(), key=signing_key("second"))

    assert verifier.verify(token, now=NOW).username == "alice"


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        (access_claims(exp=int(NOW.timestamp() - LEEWAY)), TokenRejection.EXPIRED),
        (access_claims(exp=None), TokenRejection.CLAIMS),
        (access_claims(exp="2099-01-01"), TokenRejection.CLAIMS),
        (access_claims(exp=True), TokenRejection.CLAIMS),
        (access_claims(exp=float("inf")), TokenRejection.CLAIMS),
        (access_claims(exp=float("nan")), TokenRejection.CLAIMS),
        (access_claims(exp=1e300), TokenRejection.CLAIMS),
        (access_claims(exp=-1), TokenRejection.CLAIMS),
        (access_claims(iat=int(NOW.timestamp() + LEEWAY + 1)), TokenRejection.NOT_YET_VALID),
        (access_claims(iat="yesterday"), TokenRejection.CLAIMS),
        (access_claims(nbf=int(NOW.timestamp() + LEEWAY + 1)), TokenRejection.NOT_YET_VALID),
        (access_claims(iss=ISSUER + "/"), TokenRejection.ISSUER),
        (access_claims(iss="https://cognito-idp.local.test/eu-west-1_other"), TokenRejection.ISSUER),
        (access_claims(iss=None), TokenRejection.ISSUER),
        (access_claims(iss=[ISSUER]), TokenRejection.ISSUER),
        (access_claims(client_id="another"), TokenRejection.AUDIENCE),
        (access_claims(client_id=None), TokenRejection.AUDIENCE),
        (access_claims(client_id=None, aud=CLIENT_ID), TokenRejection.AUDIENCE),
        (id_claims(aud="another"), TokenRejection.AUDIENCE),
        (id_claims(aud=None, client_id=CLIENT_ID), TokenRejection.AUDIENCE),
        (id_claims(aud=["another", CLIENT_ID]), TokenRejection.AUDIENCE),
        (access_claims(token_use="refresh"), TokenRejection.TOKEN_USE),
        (access_claims(token_use=None), TokenRejection.TOKEN_USE),
        (access_claims(token_use=["access"]), TokenRejection.TOKEN_USE),
        (access_claims(sub=""), TokenRejection.CLAIMS),
        (access_claims(sub=None), TokenRejection.CLAIMS),
        (access_claims(sub=42), TokenRejection.CLAIMS),
    ],
)
def test_signed_token_with_wrong_claims_is_rejected(
    verifier: TokenVerifier, issuer: Issuer, claims: dict[str, object], reason: TokenRejection
) -> None:
    assert rejection(verifier, issuer.sign(claims)) is reason


def test_signed_payload_that_is_no_object_is_rejected(verifier: TokenVerifier) -> None:
    token = jwt.PyJWS().encode(b'["a3b1"]', signing_key("first").private, "RS256", headers={"kid": "first"})

    assert rejection(verifier, token) is TokenRejection.MALFORMED


def test_clocks_may_differ_by_the_leeway(verifier: TokenVerifier, issuer: Issuer) -> None:
    late = issuer.sign(access_claims(exp=NOW.timestamp() - LEEWAY + 1))
    early = issuer.sign(access_claims(iat=NOW.timestamp() + LEEWAY, nbf=NOW.timestamp() + LEEWAY))

    assert verifier.verify(late, now=NOW).username == "alice"
    assert verifier.verify(early, now=NOW).username == "alice"


def test_token_expires_while_the_verifier_lives(verifier: TokenVerifier, issuer: Issuer) -> None:
    token = issuer.sign(access_claims())
    verifier.verify(token, now=NOW)

    with pytest.raises(TokenRejected) as rejected:
        verifier.verify(token, now=NOW + LIFETIME + timedelta(seconds=LEEWAY))

    assert rejected.value.reason is TokenRejection.EXPIRED


def test_token_signed_by_another_key_under_a_known_id_is_rejected(verifier: TokenVerifier, issuer: Issuer) -> None:
    forged = issuer.sign(access_claims(), key=signing_key("thief"), kid="first")

    assert rejection(verifier, forged) is TokenRejection.SIGNATURE


def test_token_signed_by_one_published_key_under_the_id_of_another_is_rejected(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    assert rejection(verifier, issuer.sign(access_claims(), kid="second")) is TokenRejection.SIGNATURE


def test_tampered_payload_is_rejected(verifier: TokenVerifier, issuer: Issuer) -> None:
    header, _, signature = issuer.sign(access_claims()).split(".")

    assert rejection(verifier, f"{header}.{segment(access_claims(sub='mallory'))}.{signature}") is (
        TokenRejection.SIGNATURE
    )


def test_header_that_is_not_the_signed_one_is_rejected(verifier: TokenVerifier, issuer: Issuer) -> None:
    _, payload, signature = issuer.sign(access_claims()).split(".")
    header = segment({"alg": "RS256", "kid": "first", "typ": "at+jwt"})

    assert rejection(verifier, f"{header}.{payload}.{signature}") is TokenRejection.SIGNATURE


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "", None, "HS256", "RS384", "RS512", "PS256", "ES256", ["RS256"]]
)
def test_other_algorithms_are_rejected_before_any_key_is_looked_for(
    verifier: TokenVerifier, issuer: Issuer, algorithm: object
) -> None:
    _, payload, signature = issuer.sign(access_claims()).split(".")
    header = segment({"alg": algorithm, "kid": "first", "typ": "JWT"})

    assert rejection(verifier, f"{header}.{payload}.{signature}") is TokenRejection.ALGORITHM
    assert rejection(verifier, f"{header}.{payload}.") is TokenRejection.ALGORITHM
    assert issuer.fetches == 0


@pytest.mark.parametrize("algorithm", ["HS256", "RS256"])
def test_public_key_as_a_shared_secret_signs_nothing(verifier: TokenVerifier, algorithm: str) -> None:
    signed = f"{segment({'alg': algorithm, 'kid': 'first', 'typ': 'JWT'})}.{segment(access_claims())}"
    mac = hmac.digest(signing_key("first").public_pem(), signed.encode(), "sha256")
    forged = f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    assert rejection(verifier, forged) in (TokenRejection.ALGORITHM, TokenRejection.SIGNATURE)


@pytest.mark.parametrize("header", ["jwk", "jku", "x5u", "x5c"])
def test_key_that_the_token_brings_along_is_not_used(verifier: TokenVerifier, issuer: Issuer, header: str) -> None:
    thief = signing_key("thief")
    offered = {"jwk": thief.published(), "x5c": [segment(thief.published())]}.get(header, issuer.jwks_url)
    headers = {"kid": "first", header: offered}
    forged = jwt.encode(access_claims(), thief.private, algorithm="RS256", headers=headers)

    assert rejection(verifier, forged) is TokenRejection.SIGNATURE


def test_critical_header_that_nobody_understands_is_rejected(verifier: TokenVerifier) -> None:
    signed = f"{segment({'alg': 'RS256', 'kid': 'first', 'crit': ['exp']})}.{segment(access_claims())}"

    assert rejection(verifier, f"{signed}.c2ln") is TokenRejection.MALFORMED


def test_every_truncation_of_a_token_is_rejected(verifier: TokenVerifier, issuer: Issuer) -> None:
    token = issuer.sign(access_claims())

    for length in range(len(token)):
        assert rejection(verifier, token[:length]) in (TokenRejection.MALFORMED, TokenRejection.SIGNATURE)


def test_every_changed_character_of_the_signature_is_noticed(verifier: TokenVerifier, issuer: Issuer) -> None:
    token = issuer.sign(access_claims())

    for place in range(token.rindex(".") + 1, len(token), 7):
        changed = "A" if token[place] != "A" else "B"
        reason = rejection(verifier, token[:place] + changed + token[place + 1 :])
        assert reason in (TokenRejection.SIGNATURE, TokenRejection.MALFORMED)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "Bearer x",
        "\ud800",
        "令牌.令牌.令牌",
        "\x00",
        segment("text") + ".e30.c2ln",
        segment({"alg": "RS256"}) + ".e30.c2ln",
        segment({"alg": "RS256", "kid": 7}) + ".e30.c2ln",
        segment({"alg": "RS256", "kid": None}) + ".e30.c2ln",
        base64.urlsafe_b64encode(b"[" * 9000).decode() + ".e30.c2ln",
        segment({"alg": "RS256", "kid": "first"}) + "." + "A" * 200_000 + ".c2ln",
    ],
    ids=range(15),
)
def test_what_is_no_token_is_rejected_without_asking_the_issuer(
    verifier: TokenVerifier, issuer: Issuer, token: str
) -> None:
    assert rejection(verifier, token) is TokenRejection.MALFORMED
    assert issuer.fetches == 0


def test_keys_are_fetched_once_for_many_tokens(verifier: TokenVerifier, issuer: Issuer, clock: FakeClock) -> None:
    for number in range(50):
        clock.now += 3600
        verifier.verify(issuer.sign(access_claims(sub=f"user-{number}"), key=issuer.keys[number % 2]), now=NOW)

    assert issuer.fetches == 1


def test_threads_that_start_together_fetch_the_keys_once(verifier: TokenVerifier, issuer: Issuer) -> None:
    token = issuer.sign(access_claims())
    start = threading.Barrier(8)
    names: list[str] = []

    def verify() -> None:
        start.wait(timeout=30)
        names.append(verifier.verify(token, now=NOW).username)

    threads = [threading.Thread(target=verify) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert (names, issuer.fetches) == (["alice"] * 8, 1)


def test_forged_key_ids_do_not_cause_a_fetch_each(verifier: TokenVerifier, issuer: Issuer, clock: FakeClock) -> None:
    for number in range(100):
        clock.now += REFETCH_PAUSE / 100
        forged = issuer.sign(access_claims(), key=signing_key("thief"), kid=f"forged-{number}")
        assert rejection(verifier, forged) is TokenRejection.UNKNOWN_KEY

    assert issuer.fetches <= 2


def test_new_key_is_found_once_the_pause_is_over(verifier: TokenVerifier, issuer: Issuer, clock: FakeClock) -> None:
    verifier.verify(issuer.sign(access_claims()), now=NOW)
    issuer.keys = [signing_key("second"), signing_key("rotated")]
    rotated = issuer.sign(access_claims(), key=signing_key("rotated"))

    assert rejection(verifier, rotated) is TokenRejection.UNKNOWN_KEY
    clock.now += REFETCH_PAUSE

    assert verifier.verify(rotated, now=NOW).username == "alice"
    assert issuer.fetches == 2


def test_withdrawn_key_is_forgotten_with_the_next_fetch(
    verifier: TokenVerifier, issuer: Issuer, clock: FakeClock
) -> None:
    old = issuer.sign(access_claims(), key=signing_key("first"))
    verifier.verify(old, now=NOW)
    issuer.keys = [signing_key("rotated")]
    clock.now += REFETCH_PAUSE
    verifier.verify(issuer.sign(access_claims(), key=signing_key("rotated")), now=NOW)

    assert rejection(verifier, old) is TokenRejection.UNKNOWN_KEY


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (500, b"{}"),
        (404, b""),
        (200, b"not json"),
        (200, b"\xff\xfe\xfd"),
        (200, b"[" * 100_000),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"keys": {}}'),
        (200, b'{"keys": []}'),
        (200, b'{"keys": [null, {"kty": "RSA"}, {"kty": "RSA", "kid": "first", "n": 1, "e": []}]}'),
    ],
)
def test_keys_that_cannot_be_had_are_asked_for_again_after_a_pause(
    verifier: TokenVerifier, issuer: Issuer, clock: FakeClock, status: int, answer: bytes
) -> None:
    token = issuer.sign(access_claims())
    issuer.status, issuer.answer = status, answer

    for _ in range(10):
        assert rejection(verifier, token) is TokenRejection.KEYS_UNAVAILABLE
    assert issuer.fetches == 1
    issuer.status, issuer.answer = 200, None
    clock.now += RETRY_PAUSE

    assert verifier.verify(token, now=NOW).username == "alice"
    assert issuer.fetches == 2


def test_issuer_that_does_not_listen_makes_keys_unavailable(clock: FakeClock) -> None:
    with running_issuer() as issuer:
        token = issuer.sign(access_claims())
    verifier = TokenVerifier(ISSUER, issuer.jwks_url, [CLIENT_ID], clock=clock)

    assert rejection(verifier, token) is TokenRejection.KEYS_UNAVAILABLE


def test_known_keys_go_on_working_while_the_issuer_is_down(
    verifier: TokenVerifier, issuer: Issuer, clock: FakeClock
) -> None:
    verifier.verify(issuer.sign(access_claims()), now=NOW)
    issuer.status = 503
    clock.now += REFETCH_PAUSE
    unknown = issuer.sign(access_claims(), key=signing_key("rotated"))

    assert rejection(verifier, unknown) is TokenRejection.KEYS_UNAVAILABLE
    assert verifier.verify(issuer.sign(access_claims()), now=NOW).username == "alice"


def test_published_keys_that_must_not_verify_are_skipped(
    verifier: TokenVerifier, issuer: Issuer, clock: FakeClock
) -> None:
    good, spare = signing_key("first"), signing_key("second")
    short = signing_key("short", 1024)
    private = jwt.algorithms.RSAAlgorithm.to_jwk(spare.private, as_dict=True)
    secret = base64.urlsafe_b64encode(b"k" * 32).decode()
    keys: list[object] = [
        {"kty": "oct", "k": secret, "kid": "shared", "alg": "HS256"},
        {**spare.published(), "kid": "for-encryption", "use": "enc"},
        {**spare.published(), "kid": "for-another-algorithm", "alg": "PS256"},
        {**private, "kid": "private", "alg": "RS256"},
        {**spare.published(), "kid": 5},
        {**short.published(), "kid": "short"},
        good.published(),
    ]
    issuer.answer = json.dumps({"keys": keys}).encode()

    assert verifier.verify(issuer.sign(access_claims(), key=good), now=NOW).username == "alice"
    for kid in ("shared", "for-encryption", "for-another-algorithm", "private"):
        assert rejection(verifier, issuer.sign(access_claims(), key=spare, kid=kid)) is TokenRejection.UNKNOWN_KEY
    payload, headers = json.dumps(access_claims()).encode(), {"kid": "short"}
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        weak = jwt.PyJWS().encode(payload, short.private, "RS256", headers=headers)
    assert rejection(verifier, weak) is TokenRejection.UNKNOWN_KEY


@pytest.mark.parametrize(
    "unusable",
    [
        None,
        {"kty": ["RSA"], "kid": "x"},
        {"kty": "RSA", "kid": "x", "n": 1, "e": []},
        {"kty": "RSA", "kid": "x", "n": "AQ", "e": "AQ"},
        {"kty": "RSA", "kid": "x", "n": "", "e": ""},
        {"kty": "RSA", "kid": "x", "n": "\u3042", "e": "AQAB"},
        {"kty": "RSA", "kid": "x", "use": ["sig"], "n": "AQ", "e": "AQAB"},
    ],
    ids=range(7),
)
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "last"])
def test_one_unusable_key_does_not_disable_the_others(
    verifier: TokenVerifier, issuer: Issuer, unusable: object, is_first: bool
) -> None:
    good = signing_key("first")
    usable: list[object] = [good.published()]
    issuer.answer = json.dumps({"keys": [unusable, *usable] if is_first else [*usable, unusable]}).encode()

    assert verifier.verify(issuer.sign(access_claims(), key=good), now=NOW).username == "alice"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/keys", "/keys", "", "data:application/json,{}"])
def test_keys_are_read_over_http_only(url: str) -> None:
    with pytest.raises(MissingSettings, match="http or https"):
        TokenVerifier(ISSUER, url, [CLIENT_ID])
