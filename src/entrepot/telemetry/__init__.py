"""What the registry tells of itself."""
