"""Runs one job, from its claim to its final status."""
