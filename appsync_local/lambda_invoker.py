"""The interface between the engine and the program that runs Lambda functions."""

from typing import Protocol


class LambdaInvoker(Protocol):
    """Runs Lambda functions by name; payloads and results are decoded JSON."""

    async def invoke(self, function: str, payload: object) -> object:
        """Run the function and wait for its result.

        Raises:
            FunctionFailed: The function raised an exception, timed out, or could not be started.
        """

    async def enqueue(self, function: str, payload: object) -> str:
        """Accept an asynchronous invocation.

        Returns:
            The request id. The outcome of the invocation is not reported here.

        Raises:
            FunctionFailed: The queue did not accept the invocation.
        """
