"""Where the browser of the tests is."""

import shutil
from typing import Final

from tests.support.debian import install

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_browser() -> str | None:
    """Return the path of a browser, or None. As root on Debian, a missing one is installed with apt."""
    return _found() or (_found() if install("chromium") else None)


def _found() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name)) is not None), None)
