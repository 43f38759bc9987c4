"""When the keys of a token issuer are asked for; the clock is the test's."""

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


async def test_a_known_key_is_kept(pool: Pool) -> None:
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
    "answer", [OSError("refused"), b"not json", b"[]", b'{"keys": [{"kty": "RSA"}]}', b'{"keys": 1}']
)
async def test_keys_that_could_not_be_read_are_asked_for_again_soon_and_not_for_every_token(
    pool: Pool, answer: bytes | Exception
) -> None:
    pool.answer = answer
    assert [await pool.keys.get("first") for _ in range(3)] == [None] * 3
    assert pool.fetches == 1

    pool.answer = None
    pool.now += RETRY_AFTER

    assert await pool.keys.get("first") is not None


async def test_keys_stay_known_while_their_publisher_is_away(pool: Pool) -> None:
    await pool.keys.get("first")
    pool.answer = OSError("refused")
    pool.now += REFETCH_AFTER

    await pool.keys.get("unknown")

    assert await pool.keys.get("first") is not None
