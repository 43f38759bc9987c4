"""Opening the console in a browser. Each case is a process of its own, because `webbrowser` reads $BROWSER once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.conftest import ROOT

URL = "http://127.0.0.1:4000/"
OPEN = f"import os; from local_stack.browser import open_page; print(open_page({URL!r}, os.environ))"


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS always has a desktop")
@pytest.mark.parametrize(
    ("display", "opened"), [({"DISPLAY": ":0"}, True), ({"WAYLAND_DISPLAY": "w"}, True), ({}, False)]
)
def test_a_page_is_opened_where_a_desktop_is(tmp_path: Path, display: dict[str, str], opened: bool) -> None:
    shown, browser = tmp_path / "shown", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf "%s" "$1" > {shown}\n')
    browser.chmod(0o700)
    environment = {name: value for name, value in os.environ.items() if "DISPLAY" not in name}

    answer = subprocess.run(
        [sys.executable, "-c", OPEN], cwd=ROOT, env={**environment, **display, "BROWSER": f"{browser} %s"},
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip

    assert answer == f"{opened}\n"
    assert shown.exists() == opened
    assert not opened or shown.read_text() == URL
