"""Reads an introspection result with the graphql-core of this process's path. Arguments: its file."""

import json
import sys

from graphql import build_client_schema, version

schema = build_client_schema(json.load(open(sys.argv[1], encoding="utf-8")))  # noqa: PTH123, SIM115
assert schema.query_type is not None
print(json.dumps({"version": version, "fields": list(schema.query_type.fields)}))  # noqa: T201
