"""The data source that asks nobody."""

from appsync_local.context import FieldContext


class NoneDataSource:
    """Answers with the request's payload."""

    async def execute(self, request: object, asked: FieldContext) -> object:  # noqa: ARG002
        """The payload; null where there is none."""
        return request.get("payload") if isinstance(request, dict) else None
