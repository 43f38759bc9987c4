"""What the runner calls to publish a job."""

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from chalicelib.jobs.model import Change
from chalicelib.publisher.fencing import Accepted, Granted, Over, Refused
from chalicelib.workloads import Piece


class StatusPublisher(Protocol):
    """What the runner calls: `claim`, `begin`, any number of `add`, and `finish` or `hand_over`.

    A context manager: leaving it drops updates that were not sent.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def claim(self, request_id: str) -> Granted | Refused:
        """Claim the job, and wait for the answer.

        Raises:
            PublishFailed: The API did not answer in time, or refused.
        """

    def begin(self, stop: Callable[[], None], *, until: float) -> None:
        """Start to send updates.

        Args:
            stop: Called once, from another thread, if no more updates can be published.
            until: `add` does not block after this time, on the clock of `time.monotonic`.
        """

    def add(self, piece: Piece) -> None:
        """Add a piece of output. Returns at once, unless too much waits to be sent."""

    def finish(self, change: Change) -> Accepted | Over:
        """Send all waiting output and this last change, in one update if it fits, and wait for the answer.

        Raises:
            PublishFailed: They could not be delivered.
        """

    def hand_over(self, change: Change) -> Accepted | Over:
        """Send output up to the newest checkpoint and this last change of the attempt, and dispatch the next worker.

        Raises:
            PublishFailed: They could not be delivered, or the next worker could not be dispatched.
        """

    def ending(self) -> Over:
        """How the job ended, after `stop` was called.

        Raises:
            PublishFailed: An update could not be delivered.
        """
