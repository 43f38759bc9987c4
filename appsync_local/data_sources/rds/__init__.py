"""The RDS data source: statements for PostgreSQL or MySQL, with the requests and answers of the RDS Data API.

source                    executes the request objects of resolvers
requests, answers         the wire format on both sides
databases, pool           the databases of an engine, and the open connections to each
connection                what a pool needs of a connection; `postgresql` and `mysql` have it
placeholders, failures    what both use
"""
