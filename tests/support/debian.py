"""Programs that the tests take from Debian."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

LIMIT: Final = 300.0  # seconds for one command of apt
LOCK: Final = Path(tempfile.gettempdir()) / "longcall-tests-apt.lock"


def install(*arguments: str) -> bool:
    """Install packages with apt, one process at a time: apt refuses to run twice.

    Args:
        arguments: Names of packages and options of `apt-get install`.

    Returns:
        Whether apt was run. It is run as root alone, and where it exists.
    """
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", *arguments]):
            subprocess.run(command, check=False, capture_output=True, timeout=LIMIT)
    return True
