"""Subscriptions over AppSync's realtime protocol."""

from longcall.realtime.connection import Acknowledged, Message, Pushed, Realtime, check_realtime_url, realtime_url_of

__all__ = ["Acknowledged", "Message", "Pushed", "Realtime", "check_realtime_url", "realtime_url_of"]
