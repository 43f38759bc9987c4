"""Reads what a template needs of the local services: resources to create, and event sources to deliver."""

from collections.abc import Collection
from dataclasses import dataclass

from local_stack.creation import Creation
from local_stack.event_sources import EventSource
from local_stack.template.document import TABLES, Template
from local_stack.template.event_sources import EventSourceReader
from local_stack.template.intrinsics import IntrinsicResolver
from local_stack.template.policies import Permissions
from local_stack.template.problems import Problems
from local_stack.template.service_resources import CREATED, creations_of


@dataclass(frozen=True, slots=True)
class TemplateServices:
    """What a template needs of the local services.

    Attributes:
        creations: The calls that create its resources, in their order.
        event_sources: What invokes its functions besides the API and schedules.
        problems: What cannot be created, one sentence each.
        warnings: What does not deliver, one sentence each.
    """

    creations: tuple[Creation, ...]
    event_sources: tuple[EventSource, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_services(template: Template, intrinsics: IntrinsicResolver) -> TemplateServices:
    """All resources and event sources of an application."""
    problems, permissions = Problems(), Permissions(template, intrinsics)
    created = creations_of(template, intrinsics, problems, CREATED)
    reader = EventSourceReader(template, intrinsics, permissions, problems)
    sources = reader.read()
    return TemplateServices(
        (*created, *reader.creations), sources, tuple(problems.found), (*reader.warnings, *permissions.warnings)
    )


def read_tables(template: Template, intrinsics: IntrinsicResolver, names: Collection[str]) -> TemplateServices:
    """Only the tables with these names: those of the data sources of a stage of Longcall, whose ledger is local."""
    problems = Problems()
    created = creations_of(template, intrinsics, problems, TABLES)
    return TemplateServices(
        tuple(it for it in created if it.parameters["TableName"] in names), problems=tuple(problems.found)
    )
