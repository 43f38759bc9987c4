"""Our API's wiring with the names of another API."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, assert_never

from appsync_local.api.model import (
    Api,
    CodeFile,
    PipelineFunction,
    PipelineResolver,
    Resolver,
    UnitResolver,
    code_file,
)
from infrastructure.api import API

SOURCE_PREFIX: Final = "Longcall"  # of data sources and pipeline functions, whose names are unique in an API


def wiring_for(roots: Mapping[str, str]) -> Api:
    """Our wiring, with a prefix for data sources and functions.

    Args:
        roots: The API's names for Query, Mutation and Subscription.
    """
    return replace(
        API,
        sources=tuple(replace(it, name=f"{SOURCE_PREFIX}{it.name}") for it in API.sources),
        functions=tuple(
            replace(it, name=f"{SOURCE_PREFIX}{it.name}", source=f"{SOURCE_PREFIX}{it.source}", code=_code(it))
            for it in API.functions
        ),
        resolvers=tuple(_renamed(it, roots) for it in API.resolvers),
    )


def _renamed(unit: Resolver, roots: Mapping[str, str]) -> Resolver:
    type_name, _, field_name = unit.field.partition(".")
    field = f"{roots[type_name]}.{field_name}"
    match unit:
        case UnitResolver():
            return replace(unit, field=field, source=f"{SOURCE_PREFIX}{unit.source}", code=_code(unit))
        case PipelineResolver():
            steps = tuple(f"{SOURCE_PREFIX}{name}" for name in unit.functions)
            return replace(unit, field=field, functions=steps, code=_code(unit))
        case _:
            assert_never(unit)


def _code(unit: Resolver | PipelineFunction) -> CodeFile:
    file = code_file(unit)
    assert file is not None  # noqa: S101  # everything of ours has code
    return CodeFile(file)
