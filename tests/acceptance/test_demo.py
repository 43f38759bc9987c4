"""`longcall demo`: a subscription alone misses pushes, and the client of this package reads them from the log."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from longcall.cli.exits import ExitCode

BOUND = 90.0  # seconds
COMMAND = (sys.executable, "-m", "longcall", "demo")


def elsewhere(folder: Path) -> dict[str, str]:
    """An environment in which the demonstration finds no stack, and makes its temporary folders in `folder`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LONGCALL_")}
    return kept | {"TMPDIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])}


def test_demo_shows_a_subscription_with_holes_and_a_client_without(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--json"], cwd=tmp_path, env=elsewhere(tmp_path), capture_output=True, text=True, timeout=BOUND,
        check=False,
    )  # fmt: skip

    assert done.returncode == ExitCode.OK, done.stderr
    *changes, naive, ours = [json.loads(row) for row in done.stdout.splitlines()]
    assert naive["missing"] > 0
    assert naive["read"] == 0
    assert (ours["missing"], ours["hasEnded"]) == (0, True)
    assert ours["read"] == sum(change["read"] for change in changes) > 0
    shown = [change["event"] for change in changes if change["subscriber"] == ours["subscriber"] and not change["read"]]
    assert shown == list(range(1, ours["events"] + 1))
    assert list(tmp_path.glob("longcall-demo-*")) == []


def test_ctrl_c_ends_the_demo_and_its_stack(tmp_path: Path) -> None:
    process = subprocess.Popen(
        COMMAND, cwd=tmp_path, env=elsewhere(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    rows = [process.stdout.readline(), process.stdout.readline()]

    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=BOUND)

    assert rows[0].startswith("One job, two subscribers.")
    assert "event  1" in rows[1]
    assert (process.returncode, said) == (ExitCode.INTERRUPTED, "")
    assert list(tmp_path.glob("longcall-demo-*")) == []
