"""`LongRunningJobs`: a CDK construct that adds the jobs to an AppSync API that exists already.

It needs `pip install "longcall[deploy]"`. The construct is in the project's base (see `longcall.base`), whose folders
have common names such as `infrastructure`. They are imported here under these names, and the names are given back:
a program may have modules of the same names.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from longcall.base import base_folder, is_installed
from longcall.stages import HandlerLimits, OpenAIServer, RateRule, Right, Stage, read_bucket

if TYPE_CHECKING:
    from infrastructure.constructs.long_running_jobs import LongRunningJobs
    from infrastructure.jobs_schema import ApiUnfit

__all__ = [
    "ApiUnfit", "HandlerLimits", "LongRunningJobs", "OpenAIServer", "RateRule", "Right", "Stage", "read_bucket",
]  # fmt: skip

BASE_PACKAGES: Final = ("chalicelib", "infrastructure")


@contextmanager
def _base_imported() -> Iterator[None]:
    """While the block runs, the names of the base's packages mean the base's."""
    if not is_installed():  # in the repository they have no other meaning
        yield
        return
    hidden = _taken()
    sys.path.insert(0, str(base_folder()))
    try:
        yield
    finally:
        sys.path.remove(str(base_folder()))
        _taken()
        sys.modules.update(hidden)


def _taken() -> dict[str, Any]:
    """Remove the modules that have these names now."""
    names = [name for name in sys.modules if name.partition(".")[0] in BASE_PACKAGES]
    return {name: sys.modules.pop(name) for name in names}


if not TYPE_CHECKING:
    with _base_imported():
        LongRunningJobs = importlib.import_module("infrastructure.constructs.long_running_jobs").LongRunningJobs
        ApiUnfit = importlib.import_module("infrastructure.jobs_schema").ApiUnfit
