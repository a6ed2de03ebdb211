"""Calls to others: whatever leaves this process goes by ``guarded``."""
