"""Unit and pipeline resolvers, and the loading of an executable API."""
