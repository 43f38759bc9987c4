"""The model of an API: its parts as data, the schema, the scalars and the limits."""
