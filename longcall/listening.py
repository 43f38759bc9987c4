"""A subscription that is started again whenever it ends, and which errors a watch survives."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from longcall.errors import ClientClosed, NotAuthorized, RequestRejected, SignInFailed, Throttled, Unreachable
from longcall.models import Json
from longcall.realtime import Acknowledged, Pushed, Realtime
from longcall.timing import Timing, pauses

FAULTS: Final = 5  # a running watch fails when this many reads in a row fail because of a fault of the API
REFUSALS: Final = 3  # a running watch fails when the API refuses its token this often in a row, fresh ones included


class Link(Enum):
    """The state of a watch's live connection."""

    LIVE = "live"  # the server has acknowledged the subscription
    LOST = "lost"  # the client is reconnecting, and reads from time to time


@dataclass(frozen=True, slots=True)
class Lost:
    """The subscription ended with this error. The client subscribes again."""

    error: Exception


class Listener:
    """Keeps one subscription. What happens to it is in `messages`, in order.

    Args:
        document: The name of the subscription's document.
        variables: Its variables.
        realtime: The connections.
        timing: How long to wait for what.
        on_link: Called when the subscription is acknowledged or lost.
    """

    def __init__(
        self,
        document: str,
        variables: Mapping[str, Json],
        *,
        realtime: Realtime,
        timing: Timing,
        on_link: Callable[[Link], None],
    ) -> None:
        self.messages: asyncio.Queue[Acknowledged | Pushed | Lost] = asyncio.Queue()
        self._document = document
        self._variables = variables
        self._realtime = realtime
        self._timing = timing
        self._on_link = on_link
        self._link: Link | None = None
        self._clock = asyncio.get_running_loop().time
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen, and wait for the first acknowledgement.

        Raises:
            Unreachable: There is no connection after all tries.
            Throttled: The API had no capacity for longer than the timing allows.
            Exception: Any other error that ended the first try, such as `NotAuthorized` or one of the token provider.
        """
        self._listening = asyncio.create_task(self._listen())
        began_at, failures = self._clock(), 0
        while True:
            match await self.messages.get():
                case Acknowledged():
                    self.report(Link.LIVE)
                    return
                case Lost(Throttled()) if self._clock() - began_at < self._timing.throttled:
                    continue
                case Lost(Unreachable()) if (failures := failures + 1) < self._timing.tries:
                    continue  # `_listen` tries again, after a pause
                case Lost(error):
                    raise error
                case Pushed():
                    raise AssertionError("a push cannot arrive before the acknowledgement")

    def report(self, link: Link) -> None:
        """Report a change of the connection's state; does nothing if it is the same."""
        if link is not self._link:
            self._link = link
            self._on_link(link)

    async def stop(self) -> None:
        """Unsubscribe. Can be repeated."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait({self._listening})  # unlike awaiting the task, this does not hide a cancellation of ours

    async def close(self) -> None:
        """Unsubscribe, and end whoever waits for a message with `ClientClosed`."""
        self.messages.put_nowait(Lost(ClientClosed()))
        await self.stop()

    async def _listen(self) -> None:
        waits = pauses(self._timing)
        acknowledged = False

        def emit(message: Acknowledged | Pushed) -> None:
            nonlocal acknowledged
            acknowledged = acknowledged or isinstance(message, Acknowledged)
            self.messages.put_nowait(message)

        while True:
            try:
                await self._realtime.listen(self._document, self._variables, emit)
                lost: Exception = Unreachable("the server ended the subscription")
            except Exception as exc:  # any error, also one of the token provider, is raised by the watch
                lost = exc
            self.messages.put_nowait(Lost(lost))
            if acknowledged:
                waits, acknowledged = pauses(self._timing), False
            await asyncio.sleep(next(waits))


class Tolerance:
    """Decides whether a running watch continues in spite of an error."""

    def __init__(self, timing: Timing, clock: Callable[[], float]) -> None:
        self.contact_at = clock()  # last answer from the API
        self._timing = timing
        self._clock = clock
        self._refusals = 0
        self._faults = 0

    def contact(self) -> None:
        """The API answered."""
        self.contact_at = self._clock()

    def acknowledged(self) -> None:
        """The API accepted the subscription, and so the token."""
        self._refusals = 0
        self.contact()

    def read(self) -> None:
        """The API answered a read."""
        self._faults = 0
        self.contact()

    def survives(self, error: Exception) -> bool:
        """Whether this error may be temporary."""
        match error:
            case RequestRejected(is_fault=True):
                self._faults += 1
                return self._faults < FAULTS
            case Unreachable() | RequestRejected(is_transient=True):
                return self._clock() - self.contact_at <= self._timing.give_up
            case NotAuthorized() | SignInFailed():  # a stack that is starting may not know its users yet
                self._refusals += 1
                return self._refusals < REFUSALS
            case _:
                return False
