"""A project's own workloads: found in the folder `workloads/` beside the handlers, and run by the usual contract."""
