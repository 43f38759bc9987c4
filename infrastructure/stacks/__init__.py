"""The stack of one stage."""
