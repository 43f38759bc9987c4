"""Longcall on one machine: the only place where engine, handlers, wiring and identity meet."""
