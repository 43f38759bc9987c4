"""The test API of recipes: resolvers with mapping templates in VTL, on a DynamoDB table and a Lambda function."""

from pathlib import Path
from typing import Any, Final

from appsync_local.api.model import (
    Api,
    AuthMode,
    DynamoDbSource,
    HttpSource,
    LambdaSource,
    PipelineFunction,
    PipelineResolver,
    Templates,
    UnitResolver,
)

RECIPES: Final = Path(__file__).with_name("recipes")
TABLE: Final = "recipes"
_SHARED: Final = "resolvers/result.response.vtl"


def api(prices_url: str) -> Api:
    """Return the API; `prices_url` is the address of its HTTP data source."""
    return Api(
        modes=(AuthMode.API_KEY,),
        authorizer=None,
        sources=(DynamoDbSource("Recipes", TABLE), LambdaSource("Cooks", "cooks"), HttpSource("Prices", prices_url)),
        functions=(
            PipelineFunction("find", "Recipes", Templates("functions/find.request.vtl", "functions/find.response.vtl")),
            PipelineFunction("save", "Recipes"),
        ),
        resolvers=(
            UnitResolver("Query.recipe", "Recipes", Templates(_request("Query.recipe"), _SHARED)),
            UnitResolver("Query.old", "Recipes", _both("Query.old")),
            UnitResolver("Query.search", "Recipes", _both("Query.search")),
            UnitResolver("Query.several", "Recipes", _both("Query.several")),
            UnitResolver("Query.price", "Prices", _both("Query.price")),
            UnitResolver("Mutation.add", "Recipes", Templates(_request("Mutation.add"), _SHARED)),
            UnitResolver("Mutation.change", "Recipes", Templates(_request("Mutation.change"), _SHARED)),
            UnitResolver("Mutation.remove", "Recipes", Templates(_request("Mutation.remove"))),
            UnitResolver("Mutation.copy", "Recipes", _both("Mutation.copy")),
            PipelineResolver("Mutation.rename", ("find", "save"), _both("Mutation.rename")),
            UnitResolver("Recipe.cookedBy", "Cooks", Templates(_request("Recipe.cookedBy"), _SHARED), 10),
        ),
    )


def cooks(payloads: Any) -> Any:
    """The Lambda function: a cook for each payload of a batch."""
    return [{"name": f"{payload['cook']} ({payload['field']})"} for payload in payloads]


def _request(field: str) -> str:
    return f"resolvers/{field}.request.vtl"


def _both(field: str) -> Templates:
    return Templates(_request(field), f"resolvers/{field}.response.vtl")
