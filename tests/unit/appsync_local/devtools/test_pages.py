"""Pages beside the API: a path that ends with a slash stands for all paths below it."""

from collections.abc import Collection

import aiohttp
import pytest

from appsync_local import Engine
from appsync_local.devtools.pages import Page, PageRequest


class Notebook:
    """Answers with the path."""

    paths: Collection[str] = ("/", "/notes/", "/notes/index")

    async def answer(self, request: PageRequest) -> Page:
        return Page(request.path.encode(), "text/plain")


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/notes/", 200), ("/notes/1", 200), ("/notes/1/2", 200), ("/notes/index", 200), ("/notes", 404),
     ("/other", 404), ("/other/notes/", 404)],
)  # fmt: skip
async def test_a_provider_answers_at_its_paths_and_below_its_folders(
    engine: Engine, session: aiohttp.ClientSession, path: str, status: int
) -> None:
    engine.offer(Notebook())

    async with session.get(engine.graphql_url.removesuffix("/graphql") + path) as response:
        assert response.status == status
        assert status != 200 or await response.text() == path
