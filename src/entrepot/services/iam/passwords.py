"""Passwords of users, and the account's rules for them."""
