"""Examines each job as soon as the clients have written what they saw of it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from certify.observation import Observation, load
from certify.threads import in_thread


class Arrivals:
    """Reads the observations of clients from files, and examines each of them once.

    Args:
        files: One observation a line. A file may not exist yet, and its last line may be incomplete.
        examine: Is called in a thread with each observation.
    """

    def __init__(self, files: Sequence[Path], examine: Callable[[Observation], None]) -> None:
        self._files = files
        self._examine = examine
        self._read = [0] * len(files)  # bytes of each file

    async def examine_new(self) -> None:
        """Examine what was written since the last call.

        If this is cancelled, it ends after the observation that is being examined: the checks of the whole ledger,
        which come next, need its result.
        """
        for share, file in enumerate(self._files):
            if not file.exists():
                continue
            with file.open("rb") as opened:
                opened.seek(self._read[share])
                lines = opened.readlines()
            for line in lines:
                if line.endswith(b"\n"):
                    self._read[share] += len(line)
                    await in_thread(self._examine, load(line.decode()))
