"""The model of an API: its parts as data, the schema, the scalars, the limits, and the check that they fit."""
