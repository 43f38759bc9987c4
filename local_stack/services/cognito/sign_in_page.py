"""The page where users sign in, as the pool's managed login serves it on AWS. It loads no script and no file."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final
from urllib.parse import urlsplit

STYLE: Final = """\
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { display: grid; min-height: 100vh; margin: 0; place-items: center; }
main { box-sizing: border-box; width: min(24rem, 100vw); padding: 2rem; }
label { display: block; margin-top: 1rem; }
input, button { box-sizing: border-box; width: 100%; padding: .6rem; font: inherit; }
button { margin-top: 1.5rem; }
[role=alert] { border-left: .25rem solid #c62828; padding-left: .75rem; }
"""
_STYLE_DIGEST: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()


def sign_in_page(fields: Mapping[str, str], *, names: Sequence[str], action: str, problem: str = "") -> str:
    """The form.

    Args:
        fields: What the form sends besides name and password.
        names: User names to suggest.
        action: The address that the form is sent to.
        problem: Why the last attempt failed, if it did.
    """
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()
    )
    options = "".join(f'<option value="{escape(name)}">' for name in names)
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    return _page(
        "Sign in",
        f"""\
<p>This is the local user pool. The stack prints its test users and their passwords when it starts.</p>
{alert}
<form method="post" action="{escape(action)}">
{hidden}
<label>E-mail address <input name="username" autocomplete="username" list="names" required autofocus></label>
<datalist id="names">{options}</datalist>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button>
</form>""",
    )


def refusal_page(problem: str) -> str:
    """The answer to a request that cannot be sent back to the application that made it."""
    return _page("This sign-in cannot begin", f'<p role="alert">{escape(problem)}</p>')


def page_headers(redirect_uri: str = "") -> dict[str, str]:
    """The headers of a page. Its form may redirect to `redirect_uri`, because a browser checks this address too."""
    target = urlsplit(redirect_uri)
    forms = f"'self' {target.scheme}://{target.netloc}" if target.netloc else "'none'"
    return {
        "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; form-action {forms}; "
        "base-uri 'none'; frame-ancestors 'none'",
        "cache-control": "no-store",
        "referrer-policy": "same-origin",  # with none at all, the form's request would not say where it is from
        "x-content-type-options": "nosniff",
    }


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><main><h1>{title}</h1>\n{body}</main></body></html>\n"
    )
