"""Services of the embedder that the engine serves at its own port, such as an emulator of another AWS service."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from aiohttp import web


class Service(Protocol):
    """Answers all requests below one path. Pages of allowed origins may call it, as they may call the API."""

    @property
    def path(self) -> str:
        """The path, such as `/bucket`, without a slash at the end. It does not change."""

    @property
    def methods(self) -> Sequence[str]:
        """The methods that pages may use."""

    @property
    def exposed(self) -> Sequence[str]:
        """The response headers that pages may read."""

    async def handle(self, request: web.BaseRequest, headers: Mapping[str, str]) -> web.StreamResponse:
        """The response to a request from an allowed origin; preflights are answered by the engine.

        Args:
            request: The request. Its body may not have arrived, and its size is not limited.
            headers: The response must have these headers. They tell the browser which page may read it.
        """
