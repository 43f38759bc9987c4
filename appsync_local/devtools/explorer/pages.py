"""The pages of the API explorer, and the sign-in behind its list of users."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol

import orjson

from appsync_local.devtools.pages import Page, PageRequest, json_page
from appsync_local.errors import EngineError

# Its files are those of graphiql 2.4.7 and react 17.0.2 on npm, except for a newline at the end.
PACKAGE: Final = "graphene_django_graphiql_static"
SCRIPTS: Final = ("react.production.min.js", "react-dom.production.min.js", "graphiql.min.js")
STYLE: Final = "graphiql.min.css"
HERE: Final = Path(__file__).parent
FOLDER: Final = "/graphiql/"
PAGE_PATH: Final = "/graphiql"
SETTINGS_PATH: Final = f"{FOLDER}settings.json"
SIGN_IN_PATH: Final = f"{FOLDER}sign-in"
_TYPES: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
# Nothing is loaded from other sites, and no site may frame the page. GraphiQL's editor sets inline styles.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src data:; connect-src 'self' {realtime}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Tab:
    """An operation in the initial tabs. `variables` is a JSON object."""

    query: str
    variables: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SignInMethod:
    """A way to sign in: its name, and the label that users see."""

    name: str
    label: str


class SignInRefused(EngineError):
    """The user cannot be signed in; the message says why."""


class SignIn(Protocol):
    """Signs test users in."""

    @property
    def users(self) -> Sequence[str]:
        """The names of the users; the first one is signed in initially."""

    @property
    def methods(self) -> Sequence[SignInMethod]:
        """The ways to sign in; the first one is chosen initially."""

    async def headers(self, user: str, method: str) -> Mapping[str, str]:
        """The headers of this user's requests.

        Raises:
            SignInRefused: The user or the method is unknown, or the user pool does not answer.
        """


class Explorer:
    """Serves `/graphiql`, and its files below it.

    Args:
        title: The title of the page.
        realtime_url: The address for subscriptions.
        sign_in: Signs test users in.
        tabs: Returns the initial operations; called for every page, so that they can contain new ids.
        assets: The folder with GraphiQL's files; None serves a plain page instead.
    """

    def __init__(
        self,
        *,
        title: str,
        realtime_url: str,
        sign_in: SignIn,
        tabs: Callable[[], Sequence[Tab]] = tuple,
        assets: Path | None,
    ) -> None:
        self._title = title
        self._realtime_url = realtime_url
        self._sign_in = sign_in
        self._tabs = tabs
        self._styles: tuple[str, ...] = ("bar.css", "plain.css")
        self._scripts: tuple[str, ...] = ("connection.js", "bar.js", "plain.js")
        if assets is not None:
            self._styles, self._scripts = (STYLE, "bar.css"), (*SCRIPTS, "connection.js", "bar.js", "graphiql.js")
        self._files = {
            f"{FOLDER}{name}": (assets if assets is not None and name in (STYLE, *SCRIPTS) else HERE) / name
            for name in (*self._styles, *self._scripts)
        }

    @property
    def paths(self) -> Collection[str]:
        """See `PageProvider`."""
        return (PAGE_PATH, SETTINGS_PATH, SIGN_IN_PATH, *self._files)

    async def answer(self, request: PageRequest) -> Page:
        """See `PageProvider`."""
        expected = ("POST",) if request.path == SIGN_IN_PATH else ("GET", "HEAD")
        if request.method not in expected:
            return json_page({"error": f"{request.method} is not supported here; send a {expected[0]} request"}, 405)
        if request.path == SIGN_IN_PATH:
            return await self._signed_in(request)
        if request.path == PAGE_PATH:
            return self._page()
        if request.path == SETTINGS_PATH:
            return json_page(self._settings())
        file = self._files[request.path]
        return Page(file.read_bytes(), _TYPES[file.suffix])

    def _page(self) -> Page:
        styles = "\n".join(f'    <link rel="stylesheet" href="{FOLDER}{name}">' for name in self._styles)
        scripts = "\n".join(f'    <script src="{FOLDER}{name}"></script>' for name in self._scripts)
        html = (HERE / "page.html").read_text(encoding="utf-8")
        html = html.replace("    <!-- styles -->", styles).replace("    <!-- scripts -->", scripts)
        policy = POLICY.format(realtime=self._realtime_url.removesuffix("/graphql"))
        return Page(html.encode(), "text/html; charset=utf-8", headers={"content-security-policy": policy})

    def _settings(self) -> dict[str, object]:
        return {
            "title": self._title,
            "realtimeUrl": self._realtime_url,
            "users": list(self._sign_in.users),
            "methods": [asdict(method) for method in self._sign_in.methods],
            "tabs": [{"query": tab.query, "variables": tab.variables} for tab in self._tabs()],
        }

    async def _signed_in(self, request: PageRequest) -> Page:
        try:
            wanted = orjson.loads(request.body)
            user, method = str(wanted["user"]), str(wanted["method"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return json_page({"error": 'expected {"user": …, "method": …} as JSON'}, 400)
        try:
            return json_page({"headers": dict(await self._sign_in.headers(user, method))})
        except SignInRefused as refused:
            return json_page({"error": str(refused)}, 401)


def installed_assets() -> Path | None:
    """The folder with GraphiQL's files in the installed package; None if it is not installed."""
    found = find_spec(PACKAGE)  # does not import the package, which requires Django
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(found.submodule_search_locations[0]) / "static" / PACKAGE
    return folder if all((folder / name).is_file() for name in (STYLE, *SCRIPTS)) else None
