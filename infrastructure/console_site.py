"""The console as a site: its built files, its addresses, and the headers that it is served with.

CloudFront and the local stack's server both follow this, so a browser refuses on this machine what it would refuse on
AWS.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

DIST: Final = Path(__file__).resolve().parent.parent / "console" / "dist"
INDEX: Final = "index.html"
EXPLORER: Final = "explorer.html"
ASSETS: Final = "/assets/"
CONFIGURATION_PATH: Final = "/console/config.json"
SIGNED_IN: Final = "/signed-in"  # where the sign-in page returns to
SIGNED_OUT: Final = "/signed-out"
# The addresses of the application's own pages; one with a slash at the end includes all addresses below it. The
# application decides what it shows there. It is served at no other address, so a file that is missing is not found.
VIEWS: Final = ("/", "/jobs/", "/start", "/lab", SIGNED_IN, SIGNED_OUT)

FOR_EVER: Final = "public, max-age=31536000, immutable"  # the name of such a file contains a digest of its content
ASKED_EACH_TIME: Final = "no-cache"  # a browser may keep it, but asks whether it has changed
REFERRER_POLICY: Final = "no-referrer"

# The application loads its own files only, and talks to the named addresses besides its own site.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "{connections}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
CHARSET: Final = '<meta charset="utf-8" />'
_NAMED_FILE: Final = re.compile(r"[\w.-]+-[\w-]{8}\.[a-z]+")


def connections(addresses: Iterable[str]) -> str:
    """The directive that lets a page of the site talk to these addresses and to its own site.

    Args:
        addresses: Each has a scheme and a host; a port and a path are optional.
    """
    return " ".join(("connect-src 'self'", *addresses))


def policy(addresses: Iterable[str]) -> str:
    """The Content-Security-Policy of the application, which may talk to these addresses; see `connections`."""
    return _POLICY.format(connections=connections(addresses))


def explorer_policy(addresses: Iterable[str]) -> str:
    """The Content-Security-Policy of the API explorer. Its editor writes styles into the page, and contains fonts."""
    looser = policy(addresses).replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
    return looser.replace("font-src 'self'", "font-src 'self' data:") + "; worker-src 'self'"


def page(addresses: Iterable[str], folder: Path = DIST) -> str:
    """The application's page, with a policy of its own: it connects to these addresses only; see `connections`.

    A browser keeps to this policy and to the one of the headers. On AWS the headers are set before the API exists, so
    they name all APIs of the region, and the page names the stage's own.
    """
    meta = f'<meta http-equiv="Content-Security-Policy" content="{connections(addresses)}" />'
    return (folder / INDEX).read_text("utf-8").replace(CHARSET, f"{CHARSET}\n    {meta}", 1)


def files(folder: Path = DIST) -> frozenset[str]:
    """The files that the application can load, by their paths in `folder`; without those of the API explorer.

    They are found by their names in other files, from `index.html` on.
    """
    built = {file.name: file for file in (folder / "assets").iterdir()}
    found = {INDEX, "icon.svg"}
    waiting = [folder / INDEX]
    while waiting:
        text = waiting.pop().read_text("utf-8", errors="ignore")  # a font is not text
        for name in set(_NAMED_FILE.findall(text)) & built.keys():
            if (path := f"assets/{name}") not in found:
                found.add(path)
                waiting.append(built[name])
    return frozenset(found)
