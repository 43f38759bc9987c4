"""A validation rule: a literal of the type Float has a value that a double can hold.

graphql-core reads `1e400` as infinity. JSON has no infinity, so a resolver would receive null in its place: no value,
instead of one that is too large.
"""

import math

from graphql import FloatValueNode, GraphQLError, GraphQLFloat, IntValueNode, get_named_type
from graphql.validation import ValidationRule


class FiniteNumbersRule(ValidationRule):
    """Refuses a number for a Float that is too large for a double."""

    def enter_float_value(self, node: FloatValueNode, *_: object) -> None:
        self._check(node)

    def enter_int_value(self, node: IntValueNode, *_: object) -> None:
        self._check(node)

    def _check(self, node: FloatValueNode | IntValueNode) -> None:
        expected = self.context.get_input_type()
        if get_named_type(expected) is GraphQLFloat and not math.isfinite(float(node.value)):
            self.report_error(GraphQLError(f"{node.value} is too large for a Float", node))
