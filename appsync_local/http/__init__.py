"""The engine on a port: the HTTP server, its connections and its responses."""
