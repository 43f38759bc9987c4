"""The web console: the built files of `console/dist`, their configuration, and the sign-in of the test users."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import orjson

from appsync_local.api.endpoints import GRAPHQL_PATH
from appsync_local.devtools.pages import Page, PageRequest, json_page
from infrastructure.console_site import (
    ASKED_EACH_TIME,
    ASSETS,
    CONFIGURATION_PATH,
    DIST,
    EXPLORER,
    FOR_EVER,
    INDEX,
    REFERRER_POLICY,
    VIEWS,
    explorer_policy,
    policy,
)
from local_stack.test_users import TestUsers, UnknownTestUser
from longcall.errors import LongcallError

EXPLORER_PATH: Final = "/explorer"
# The addresses of the console's own pages, and the file that is shown at each of them.
JOB_PAGES: Final[Mapping[str, str]] = {**dict.fromkeys(VIEWS, INDEX), EXPLORER_PATH: EXPLORER}
# An application without jobs has only the explorer.
EXPLORER_PAGES: Final[Mapping[str, str]] = dict.fromkeys(("/", EXPLORER_PATH), EXPLORER)
SIGN_IN_PATH: Final = "/console/sign-in"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml", ".ttf": "font/ttf",
}  # fmt: skip


class Console:
    """Serves the console on this machine.

    Args:
        users: They can sign in with one click.
        origin: Scheme, host and port of the stack, as in the addresses of uploads.
        pages: The file that is shown at each path; at a path that ends with a slash, and below it.
        api_path: The path of the API that the pages use.
        folder: The built files.
    """

    def __init__(
        self,
        users: TestUsers,
        *,
        origin: str,
        pages: Mapping[str, str] = JOB_PAGES,
        api_path: str = GRAPHQL_PATH,
        folder: Path = DIST,
    ) -> None:
        self._users = users
        self._api_path = api_path
        # Large texts are sent to the bucket, whose address has another name if the page was opened at `localhost`.
        self._policy = policy([origin])
        self._explorer_policy = explorer_policy([origin])
        self._files = {f"/{file.relative_to(folder).as_posix()}": file for file in folder.rglob("*") if file.is_file()}
        self._pages = {path: folder / file for path, file in pages.items()}

    @property
    def paths(self) -> Collection[str]:
        """See `PageProvider`."""
        return (*self._pages, *self._files, CONFIGURATION_PATH, SIGN_IN_PATH)

    async def answer(self, request: PageRequest) -> Page:
        """See `PageProvider`."""
        expected = ("POST",) if request.path == SIGN_IN_PATH else ("GET", "HEAD")
        if request.method not in expected:
            return json_page({"error": f"{request.method} is not supported here; send a {expected[0]} request"}, 405)
        if request.path == SIGN_IN_PATH:
            return await self._signed_in(request)
        if request.path == CONFIGURATION_PATH:
            return json_page(self._configuration())
        file = self._files.get(request.path) or self._page(request.path)
        headers: Mapping[str, str] = {
            "content-security-policy": self._explorer_policy if file.name == EXPLORER else self._policy,
            "referrer-policy": REFERRER_POLICY,
            "cache-control": FOR_EVER if request.path.startswith(ASSETS) else ASKED_EACH_TIME,
        }
        return Page(file.read_bytes(), _TYPES[file.suffix], headers=headers)

    def _page(self, path: str) -> Path:
        return self._pages.get(path) or self._pages[path[: path.find("/", 1) + 1]]

    def _configuration(self) -> dict[str, object]:
        """What the application needs to know. Addresses are relative to its own one, whatever name it was opened at."""
        return {
            "target": "local",
            "graphqlUrl": self._api_path,
            "realtimeUrl": self._api_path,
            "signIn": {"kind": "test-users", "users": list(self._users.names)},
        }

    async def _signed_in(self, request: PageRequest) -> Page:
        try:
            user = str(orjson.loads(request.body)["user"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return json_page({"error": 'expected {"user": …} as JSON'}, 400)
        try:
            return json_page({"token": await self._users.of(user)()})
        except UnknownTestUser as error:
            return json_page({"error": str(error)}, 400)
        except LongcallError as error:
            return json_page({"error": f"{user} was not signed in: {error}"}, 502)
