"""The shapes AppSync and Lambda hand us: each parsed once, and rendered once, in one of these modules."""

from collections.abc import Mapping
from typing import Any

Payload = Mapping[str, Any]
