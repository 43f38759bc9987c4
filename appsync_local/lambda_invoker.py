"""The seam between the engine and whatever runs Lambda functions."""

from typing import Protocol


class LambdaInvoker(Protocol):
    """Runs Lambda functions by name; `payload` and results are decoded JSON."""

    async def invoke(self, function: str, payload: object) -> object:
        """Run the function and wait for its result.

        Raises:
            FunctionFailed: It raised, was killed at its time-out, or could not be started.
        """

    async def enqueue(self, function: str, payload: object) -> str:
        """Accept an asynchronous invocation.

        Returns:
            The request id, once the invocation is accepted; its outcome is never seen here.

        Raises:
            FunctionFailed: The invocation was refused.
        """
