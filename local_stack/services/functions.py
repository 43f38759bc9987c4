"""The interface by which the local services invoke the functions of a stack."""

from typing import Protocol


class Functions(Protocol):
    """Runs functions; see `FunctionRuntime`."""

    async def run_to_end(self, function: str, payload: object) -> object:
        """Invoke a function, and wait until it ends.

        Raises:
            FunctionFailed: It raised, ended, took too long, is at its limit, or does not exist.
        """

    async def enqueue(self, function: str, payload: object) -> str:
        """Accept an event, which is delivered later, and return its request id.

        Raises:
            FunctionFailed: The event was not accepted.
        """
