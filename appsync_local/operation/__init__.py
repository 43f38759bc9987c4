"""A GraphQL document: parsed, validated, measured and compiled into a plan."""
