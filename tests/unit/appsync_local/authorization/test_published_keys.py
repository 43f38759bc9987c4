"""The keys of a token issuer: when they are fetched, and which are used. The test sets the clock."""

import json

import pytest

from appsync_local.authorization.published_keys import REFETCH_AFTER, RETRY_AFTER, PublishedKeys
from tests.support.issuer import signing_key


class Pool:
    """A pool's keys behind a fetch that counts, and a clock that the test moves."""

    def __init__(self) -> None:
        self.fetches = 0
        self.now = 100.0
        self.published = ["first"]
        self.answer: bytes | Exception | None = None
        self.keys = PublishedKeys("http://localhost/jwks.json", self.fetch, lambda: self.now)

    async def fetch(self, _url: str) -> bytes:
        self.fetches += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        keys = [signing_key(name).published() for name in self.published]
        return self.answer or json.dumps({"keys": keys}).encode()


@pytest.fixture
def pool() -> Pool:
    return Pool()


async def test_a_known_key_is_cached(pool: Pool) -> None:
    found = [await pool.keys.get("first") for _ in range(3)]

    assert all(found)
    assert pool.fetches == 1


async def test_a_key_that_is_published_later_is_found_after_the_pause(pool: Pool) -> None:
    await pool.keys.get("first")
    pool.published = ["second"]

    at_once = await pool.keys.get("second")
    pool.now += REFETCH_AFTER
    later = await pool.keys.get("second")

    assert at_once is None
    assert later is not None
    assert pool.fetches == 2


@pytest.mark.parametrize(
    "foreign",
    [
        "text",
        None,
        {},
        {"kty": ["RSA"], "kid": "x"},
        {"kty": "OKP", "crv": "Ed448", "kid": "x"},
        {"kty": "RSA", "kid": "x"},
        {"kty": "RSA", "kid": "x", "n": 1, "e": []},
        {"kty": "RSA", "kid": "x", "n": "AQ", "e": "AQ"},
        {"kty": "RSA", "kid": "x", "n": "", "e": ""},
        {"kty": "RSA", "kid": "x", "n": "あ", "e": "AQAB"},
        {"kty": "EC", "kid": "x", "crv": "P-256", "x": "AQ", "y": "AQ"},
        {"kty": "EC", "kid": "x", "crv": "P-256", "x": "A" * 43, "y": "A" * 43},
        {"kty": "EC", "kid": "x", "crv": "unknown", "x": "AQ", "y": "AQ"},
        {"kty": "oct", "kid": "x", "k": 7},
        {"kty": "RSA", "kid": "x", "alg": "unknown", "n": "AQ", "e": "AQAB"},
        {"kty": "RSA", "kid": "x", "alg": ["RS256"], "n": "AQ", "e": "AQAB"},
    ],
    ids=str,
)
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "last"])
async def test_one_unusable_key_does_not_disable_the_others(pool: Pool, foreign: object, is_first: bool) -> None:
    usable: list[object] = [signing_key("first").published()]
    pool.answer = json.dumps({"keys": [foreign, *usable] if is_first else [*usable, foreign]}).encode()

    assert await pool.keys.get("first") is not None
    assert await pool.keys.get("x") is None


async def test_a_key_for_encryption_or_without_an_id_verifies_nothing(pool: Pool) -> None:
    spare = signing_key("second").published()
    keys = [{**spare, "use": "enc"}, {**spare, "kid": 5}, {name: spare[name] for name in spare if name != "kid"}]
    pool.answer = json.dumps({"keys": [*keys, signing_key("first").published()]}).encode()

    assert await pool.keys.get("first") is not None
    assert await pool.keys.get("second") is None


@pytest.mark.parametrize(
    "answer", [OSError("refused"), b"not json", b"[]", b'{"keys": [{"kty": "RSA"}]}', b'{"keys": 1}']
)
async def test_unreadable_keys_are_fetched_again_soon_but_not_for_every_token(
    pool: Pool, answer: bytes | Exception
) -> None:
    pool.answer = answer
    assert [await pool.keys.get("first") for _ in range(3)] == [None] * 3
    assert pool.fetches == 1

    pool.answer = None
    pool.now += RETRY_AFTER

    assert await pool.keys.get("first") is not None


async def test_cached_keys_stay_valid_while_the_issuer_is_unreachable(pool: Pool) -> None:
    await pool.keys.get("first")
    pool.answer = OSError("refused")
    pool.now += REFETCH_AFTER

    await pool.keys.get("unknown")

    assert await pool.keys.get("first") is not None
