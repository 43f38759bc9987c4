"""Where a project's base is: the handlers, schema, resolvers, infrastructure and local stack that Longcall brings.

It is not importable here, so that it never hides a module of the same name in the process of a program that uses
Longcall. The local stack and CDK run in processes of their own, which import it from this folder.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).absolute().parent
_INSTALLED: Final = _PACKAGE / "_base"


def is_installed() -> bool:
    """Whether this package was installed from a distribution; otherwise it runs from a checkout of the repository."""
    return _INSTALLED.is_dir()


def base_folder() -> Path:
    """The folder with `app.py`, `chalicelib/`, `graphql/`, `infrastructure/` and `local_stack/`."""
    return _INSTALLED if is_installed() else _PACKAGE.parent


def environment_with_base(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which Python imports the base before everything else on its path."""
    paths = [str(base_folder()), *filter(None, [environment.get("PYTHONPATH")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}
