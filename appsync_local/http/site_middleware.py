"""The check of hosts and origins for an aiohttp application that is served beside the engine."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from appsync_local.http.responses import preflight
from appsync_local.http.site_check import SiteCheck

_IS_ALLOWED: Final = web.RequestKey("is_allowed", bool)


def protect(application: web.Application, sites: SiteCheck, *, methods: Sequence[str], exposed: Sequence[str]) -> None:
    """Refuse requests of other sites at every path of an application, and let pages of allowed origins call it.

    A refused request gets status 403 and `{"message": …}`; its handler is not called. Preflights of allowed origins
    are answered here. All other responses get CORS headers that name the origin, streamed ones too.

    Args:
        application: An application that has not started.
        sites: The check, which may be shared by several servers.
        methods: Methods that pages may use, such as POST.
        exposed: Response headers that pages may read.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if (refused := sites.api_refusal(request)) is not None:
            return web.json_response({"message": refused}, status=403)
        request[_IS_ALLOWED] = True
        if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
            return preflight(request, methods)
        return await handler(request)

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        if _IS_ALLOWED in request:
            response.headers.update(sites.cors_headers(request))
            response.headers["access-control-expose-headers"] = ", ".join(exposed)

    application.middlewares.insert(0, check)
    application.on_response_prepare.append(add_headers)
