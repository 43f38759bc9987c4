"""GraphiQL at `/`, over AppSync's own protocol, with a test user signed in; nothing comes from the network.

GraphiQL itself and React are files of an installed package; where it is absent, a plain page runs operations instead.
"""
