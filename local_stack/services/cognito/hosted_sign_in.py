"""The endpoints of a pool's domain: signing in with an authorization code, as browsers and mobile apps do.

Any page of this machine may be returned to; on AWS the client lists its addresses. Nobody stays signed in at the page.
A challenge is required, which AWS does not require: the client has no secret, and a code may be seen by other programs.

Source: Amazon Cognito Developer Guide, "User pool endpoints and managed login reference"; RFC 7636; RFC 9700, section
2.1.1.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from appsync_local.http.sites import is_loopback_origin
from local_stack.services.cognito.accounts import Accounts
from local_stack.services.cognito.errors import CognitoError
from local_stack.services.cognito.sign_in_page import page_headers, refusal_page, sign_in_page
from local_stack.services.cognito.tokens import Tokens
from local_stack.services.cognito.users import PoolUser, UserStatus

CODE_LIFE: Final = timedelta(minutes=5)
MOST_CODES: Final = 1000
LONGEST_FORM: Final = 65_536  # bytes
AUTHORIZE, LOGIN, TOKEN, REVOKE, LOGOUT = "oauth2/authorize", "login", "oauth2/token", "oauth2/revoke", "logout"
PATHS: Final = frozenset({AUTHORIZE, LOGIN, TOKEN, REVOKE, LOGOUT})
KEPT: Final = (
    "client_id",
    "redirect_uri",
    "response_type",
    "state",
    "code_challenge",
    "code_challenge_method",
    "nonce",
)
NO_CHALLENGE: Final = "expected a code_challenge of the method S256 (PKCE)"
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")

Fields = Mapping[str, str]


class OAuthRefused(Exception):
    """A request that is answered with one of OAuth's errors, such as `invalid_grant`."""


class RequestUnusable(Exception):
    """A request whose answer cannot be sent to the application; the message is for the user."""


@dataclass(frozen=True, slots=True)
class _Code:
    """The sign-in that an authorization code is for. The code is valid once."""

    sub: str
    redirect_uri: str
    challenge: str
    nonce: str
    expires: datetime


class HostedSignIn:
    """The endpoints.

    Args:
        accounts: The users.
        tokens: Issues their tokens.
        path: The path of the service, without a slash at the end.
    """

    def __init__(self, accounts: Accounts, tokens: Tokens, *, path: str) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self._path = path
        self._codes: OrderedDict[str, _Code] = OrderedDict()

    @property
    def discovery(self) -> dict[str, Any]:
        """What the pool's discovery document says about the endpoints."""
        domain = self._accounts.pool.endpoint
        return {
            "authorization_endpoint": f"{domain}/{AUTHORIZE}",
            "token_endpoint": f"{domain}/{TOKEN}",
            "revocation_endpoint": f"{domain}/{REVOKE}",
            "end_session_endpoint": f"{domain}/{LOGOUT}",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "email", "phone", "profile"],
            "token_endpoint_auth_methods_supported": ["none"],
        }

    def respond(self, method: str, place: str, query: str, body: bytes) -> web.Response:
        """The response to a request to one of `PATHS`. It may take 20 ms, to check a password."""
        endpoints: Mapping[tuple[str, str], Callable[[Fields], web.Response]] = {
            ("GET", AUTHORIZE): self._authorize,
            ("GET", LOGIN): self._authorize,
            ("POST", LOGIN): self._login,
            ("POST", TOKEN): self._token,
            ("POST", REVOKE): self._revoke,
            ("GET", LOGOUT): self._logout,
        }
        endpoint = endpoints.get((method, place))
        if endpoint is None:
            return web.Response(status=405, text=f"{method} is not supported here\n")
        try:
            return endpoint(dict(parse_qsl(query if method == "GET" else body.decode("ascii"), keep_blank_values=True)))
        except OAuthRefused as error:
            return web.json_response({"error": str(error)}, status=400, headers={"cache-control": "no-store"})
        except RequestUnusable as error:
            return _page(refusal_page(str(error)), status=400)
        except ValueError:
            return _page(refusal_page("The request is not a form."), status=400)

    def _authorize(self, fields: Fields) -> web.Response:
        self._check_application(fields)
        if fields.get("response_type") != "code":
            return self._back(fields, error="unsupported_response_type")
        if not _has_challenge(fields):
            return self._back(fields, error="invalid_request", error_description=NO_CHALLENGE)
        return self._form(fields)

    def _login(self, fields: Fields) -> web.Response:
        self._check_application(fields)
        if not _has_challenge(fields):
            return self._back(fields, error="invalid_request", error_description=NO_CHALLENGE)
        user = self._accounts.users.find(fields.get("username", ""))
        if user is None or not self._accounts.has_password(user, fields.get("password", "")):
            return self._form(fields, "Incorrect username or password.")
        if not user.enabled:
            return self._form(fields, "User is disabled.")
        if user.status is not UserStatus.CONFIRMED:
            return self._form(fields, "This user must first confirm the e-mail address or choose a password.")
        return self._back(fields, code=self._code_for(user, fields))

    def _token(self, fields: Fields) -> web.Response:
        if fields.get("client_id") != self._accounts.pool.client_id:
            raise OAuthRefused("invalid_client")
        match fields.get("grant_type"):
            case "authorization_code":
                given = self._redeem(fields)
            case "refresh_token":
                given = self._refreshed(fields.get("refresh_token", ""))
            case _:
                raise OAuthRefused("unsupported_grant_type")
        answer = {
            "id_token": given["IdToken"], "access_token": given["AccessToken"], "expires_in": given["ExpiresIn"],
            "token_type": given["TokenType"],
        }  # fmt: skip
        if "RefreshToken" in given:
            answer["refresh_token"] = given["RefreshToken"]
        return web.json_response(answer, headers={"cache-control": "no-store"})

    def _redeem(self, fields: Fields) -> dict[str, Any]:
        code = self._codes.pop(fields.get("code", ""), None)
        if code is None or code.expires <= self._accounts.clock() or fields.get("redirect_uri") != code.redirect_uri:
            raise OAuthRefused("invalid_grant")
        if not hmac.compare_digest(code.challenge, _s256(fields.get("code_verifier", ""))):
            raise OAuthRefused("invalid_grant")
        user = self._accounts.users.find(code.sub)
        if user is None or not user.enabled:
            raise OAuthRefused("invalid_grant")
        return self._tokens.sign_in(user, nonce=code.nonce)

    def _refreshed(self, refresh_token: str) -> dict[str, Any]:
        try:
            return self._tokens.refresh(refresh_token)
        except CognitoError:
            raise OAuthRefused("invalid_grant") from None

    def _revoke(self, fields: Fields) -> web.Response:
        if fields.get("client_id") != self._accounts.pool.client_id:
            raise OAuthRefused("invalid_client")
        session = self._accounts.users.session_of(fields.get("token", ""))
        if session is not None:  # an unknown token counts as revoked. Source: RFC 7009, section 2.2
            self._accounts.users.revoke(session)
        return web.Response(headers={"cache-control": "no-store"})

    def _logout(self, fields: Fields) -> web.Response:
        self._check_client(fields)
        return _redirect(_own_machine(fields.get("logout_uri", ""), "logout_uri"))

    def _check_application(self, fields: Fields) -> None:
        self._check_client(fields)
        _own_machine(fields.get("redirect_uri", ""), "redirect_uri")

    def _check_client(self, fields: Fields) -> None:
        if fields.get("client_id") != self._accounts.pool.client_id:
            raise RequestUnusable("client_id is not the client of this pool; stack.json contains it as clientId.")

    def _form(self, fields: Fields, problem: str = "") -> web.Response:
        kept = {name: fields[name] for name in KEPT if name in fields}
        names = [user.username for user in self._accounts.pool.users]
        page = sign_in_page(kept, names=names, action=f"{self._path}/{LOGIN}", problem=problem)
        return _page(page, redirect_uri=fields["redirect_uri"])

    def _code_for(self, user: PoolUser, fields: Fields) -> str:
        while len(self._codes) >= MOST_CODES:
            self._codes.popitem(last=False)
        code = secrets.token_urlsafe(32)
        nonce, expires = fields.get("nonce", ""), self._accounts.clock() + CODE_LIFE
        self._codes[code] = _Code(user.sub, fields["redirect_uri"], fields["code_challenge"], nonce, expires)
        return code

    def _back(self, fields: Fields, **answer: str) -> web.Response:
        """Return to the application with an answer, and with the state that it sent."""
        state = {"state": fields["state"]} if "state" in fields else {}
        uri = fields["redirect_uri"]
        return _redirect(f"{uri}{'&' if urlsplit(uri).query else '?'}{urlencode({**answer, **state})}")


def _own_machine(uri: str, name: str) -> str:
    """An address of a page that this machine serves.

    Raises:
        RequestUnusable: It is another address.
    """
    parts = urlsplit(uri)
    is_here = is_loopback_origin(f"{parts.scheme}://{parts.netloc}")
    if not is_here or "#" in uri or "\\" in uri or not uri.isprintable():
        raise RequestUnusable(f"{name} must be an address of this machine, such as http://localhost:5173/signed-in.")
    return uri


def _has_challenge(fields: Fields) -> bool:
    # Without the method, RFC 7636 means `plain`; Cognito has S256 only.
    method = fields.get("code_challenge_method", "S256")
    return method == "S256" and _CHALLENGE.fullmatch(fields.get("code_challenge", "")) is not None


def _s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _page(html: str, *, status: int = 200, redirect_uri: str = "") -> web.Response:
    return web.Response(status=status, text=html, content_type="text/html", headers=page_headers(redirect_uri))


def _redirect(address: str) -> web.Response:
    return web.Response(status=302, headers={"location": address, "cache-control": "no-store"})
