"""Moving a registry's rows from one database to another. It knows tables, and nothing of what their rows mean."""
