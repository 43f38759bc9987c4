"""How this program is called in the shell that it runs in, for hints that can be copied."""

import shlex
import shutil
import sys
from pathlib import Path


def program(name: str = "longcall") -> str:
    """A program of this Python's environment, as the shell finds it from the current folder.

    Returns:
        The name if PATH leads to this program; otherwise its path, quoted for a shell. The name if it is not installed.
    """
    path = Path(sys.executable).with_name(name)
    found = shutil.which(name)
    if not path.exists() or (found is not None and path.samefile(found)):
        return name
    try:
        return shlex.quote(str(path.relative_to(Path.cwd())))
    except ValueError:
        return shlex.quote(str(path))
