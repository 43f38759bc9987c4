"""Subscriptions over AppSync's realtime protocol.

messages       each wire message parses or serialises itself
protocol       one connection without I/O and without a clock
connection     the I/O shell of one connection
subscriptions  many subscriptions over few connections
"""

from longcall.realtime.protocol import Acknowledged, Pushed
from longcall.realtime.subscriptions import Realtime

__all__ = ["Acknowledged", "Pushed", "Realtime"]
