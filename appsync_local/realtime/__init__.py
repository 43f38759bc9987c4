"""The realtime protocol: connections, subscriptions, filters and publication."""
