"""A job's state as text: what a terminal, a pipe and a program read. Pure; nothing here prints."""

from longcall.display.jobs import *  # noqa: F403
from longcall.display.jobs import COLOURS, MARKS, WIDEST, WORD

__all__ = ["COLOURS", "MARKS", "WIDEST", "WORD"]
