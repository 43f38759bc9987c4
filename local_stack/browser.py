"""Opens a page in the browser of the desktop."""

import sys
import webbrowser
from collections.abc import Mapping
from typing import Final

_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")  # one of them is set where a desktop is, except on macOS


def open_page(url: str, environment: Mapping[str, str]) -> bool:
    """Open a page in the default browser, or in that of `$BROWSER`.

    Returns:
        Whether a browser was started. Without a desktop, none is: one in the terminal would hide the stack's log.
    """
    if sys.platform != "darwin" and not any(environment.get(name) for name in _DISPLAYS):
        return False
    try:
        return webbrowser.open(url)
    except webbrowser.Error:
        return False
