"""The test API of a store: its data sources, resolvers and Lambda functions."""

from pathlib import Path
from typing import Any, Final

from appsync_local.api.model import (
    Api,
    AuthMode,
    Code,
    DynamoDbSource,
    HttpSource,
    LambdaSource,
    NoneSource,
    PipelineFunction,
    PipelineResolver,
    UnitResolver,
)
from tests.support.engine_doubles import RecordingInvoker

STORE: Final = Path(__file__).with_name("store")
HANDLERS: Final = frozenset({"prices", "carrier"})
ORDERS: Final = "orders"
LINES: Final = "lines"


def wiring(prices_url: str) -> Api:
    """Return the API of the store; `prices` is the URL of its HTTP data source."""
    nothing = ("echo", "told", "repeated", "labelled")
    return Api(
        modes=(AuthMode.API_KEY,),
        authorizer=None,
        sources=(
            DynamoDbSource("Orders", ORDERS),
            DynamoDbSource("Lines", LINES),
            HttpSource("Prices", prices_url),
            LambdaSource("PriceList", "prices"),
            LambdaSource("Carrier", "carrier"),
            NoneSource("Nothing"),
        ),
        functions=(
            PipelineFunction("save", "Orders"),
            PipelineFunction("notify", "Carrier"),
            PipelineFunction("leaves", "Nothing"),
            PipelineFunction("looks", "Nothing"),
        ),
        resolvers=(
            UnitResolver("Query.order", "Orders"),
            *(UnitResolver(f"Query.{name}", "Nothing") for name in nothing),
            PipelineResolver("Query.skipped", ("leaves", "looks")),
            UnitResolver("Query.quoted", "Prices"),
            UnitResolver("Query.direct", "PriceList", Code.DIRECT),
            UnitResolver("Order.lines", "Lines"),
            UnitResolver("Line.price", "PriceList", max_batch_size=10),
            UnitResolver("Mutation.placeOrder", "Orders"),
            PipelineResolver("Mutation.dispatchOrder", ("save", "notify")),
            UnitResolver("Mutation.forgetPrices", "Nothing"),
        ),
    )


class StoreInvoker(RecordingInvoker):
    """Invokes the Lambda functions of the store."""

    def __init__(self) -> None:
        super().__init__(prices=self._prices, carrier=lambda payload: None)

    def _prices(self, payload: Any) -> Any:
        return [len(sku) * 100 for sku in payload] if isinstance(payload, list) else payload
