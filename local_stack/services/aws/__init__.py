"""AWS services of a template's functions and data sources on this machine: moto's, behind a check of every request."""
