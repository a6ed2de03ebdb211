"""The works that are compared, a module for each kind."""
