"""The RDS data source: statements for PostgreSQL or MySQL, with the requests and answers of the RDS Data API."""
