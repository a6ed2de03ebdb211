"""Bytes at rest: what a store is given to keep is sealed on the way there, and opened on the way back."""
