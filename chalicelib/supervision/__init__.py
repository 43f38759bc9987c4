"""Ends or restarts jobs whose worker can no longer report."""
