"""The API explorer at `/`: GraphiQL over AppSync's protocol, with a signed-in test user and without network access.

GraphiQL and React are files of an installed package. Without it, a plain page runs operations instead.
"""
