"""Who is calling, and which fields they may use."""
