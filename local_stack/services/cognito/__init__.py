"""A small Cognito user pool: what its clients use of the service, with the users in the data folder."""
