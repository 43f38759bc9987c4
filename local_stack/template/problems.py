"""Collects the parts of a template that cannot be run, so that one start names all of them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from local_stack.template.document import Resource, TemplateInvalid
from local_stack.template.reading import line_of


class Problems:
    """What was found so far.

    Attributes:
        found: One sentence each, with the file, the line and the logical id.
    """

    def __init__(self, found: Iterable[str] = ()) -> None:
        self.found = list(found)

    @contextmanager
    def of(self, resource: Resource) -> Iterator[None]:
        """Record an error that the block raises about a resource. The code after the block runs."""
        try:
            yield
        except TemplateInvalid as invalid:
            self.add(resource, str(invalid))
        except KeyError as missing:
            self.add(resource, f"it must have {missing.args[0]}, and does not")
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            self.add(resource, f"its properties do not have the form that is expected: {error}")

    def add(self, resource: Resource, message: str) -> None:
        """Record one sentence about a resource."""
        sentence = f"{place_of(resource)}: {resource.name}: {message}"
        if sentence not in self.found:
            self.found.append(sentence)


def place_of(resource: Resource) -> str:
    """File and line of a resource."""
    return f"{resource.file}:{line_of(resource.file, resource.name.rpartition('-')[2])}"
