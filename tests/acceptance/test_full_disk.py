"""A stack that is started on a full disk. `tests/hostile` fills the disk of a running one."""

import subprocess
import sys
from pathlib import Path

import pytest

from longcall.cli.exits import ExitCode
from tests.acceptance.stack import READY
from tests.contract.conftest import ROOT
from tests.hostile.outages import NoSmallDisk, fill, small_disk


def test_a_stack_on_a_full_disk_says_so_in_one_sentence(tmp_path: Path) -> None:
    try:
        with small_disk(tmp_path / "disk", size="8m") as disk:
            fill(disk)
            command = [sys.executable, "-m", "local_stack", "--port", "0", "--data", str(disk / "data")]
            ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=READY, check=False)
    except NoSmallDisk as reason:
        pytest.skip(str(reason))

    assert ended.returncode == ExitCode.UNREACHABLE
    assert f"the disk of {disk}/data is full" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
