"""The parts of a template that have no effect on one machine, such as monitoring, caching and domain names."""

from collections.abc import Iterator
from typing import Final

from local_stack.template.document import Template

API: Final = "AWS::AppSync::GraphQLApi"
# Properties without an effect here, by type.
PROPERTIES: Final = {
    API: ("EnhancedMetricsConfig", "LogConfig", "Visibility", "XrayEnabled"),
    "AWS::AppSync::DataSource": ("MetricsConfig",),
    "AWS::AppSync::Resolver": ("CachingConfig", "MetricsConfig", "SyncConfig"),
    "AWS::AppSync::FunctionConfiguration": ("SyncConfig",),
}
DEFAULTS: Final = (False, "GLOBAL", "DISABLED", None)  # values that ask for nothing
TYPES: Final = (
    "AWS::AppSync::Api", "AWS::AppSync::ApiCache", "AWS::AppSync::ChannelNamespace", "AWS::AppSync::DomainName",
    "AWS::AppSync::DomainNameApiAssociation", "AWS::WAFv2::WebACL", "AWS::WAFv2::WebACLAssociation",
)  # fmt: skip


def ignored(template: Template) -> Iterator[str]:
    """One sentence that names everything without an effect; nothing if all has one."""
    found = dict.fromkeys(
        f"{name} of {resource.name}"
        for type_, names in PROPERTIES.items()
        for resource in template.of_type(type_)
        for name in names
        if resource.properties.get(name) not in DEFAULTS
    )
    found |= dict.fromkeys(f"{it.type.removeprefix('AWS::')} {it.name}" for it in template.of_type(*TYPES))
    if found:
        yield f"ignored, because it has no effect on one machine: {', '.join(found)}"
