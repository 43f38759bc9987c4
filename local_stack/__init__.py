"""Longcall on one machine: the only package that combines engine, handlers, API definition and test users."""
