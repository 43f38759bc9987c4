"""What each GraphQL field does, who may ask for it, and the payloads in and out."""
