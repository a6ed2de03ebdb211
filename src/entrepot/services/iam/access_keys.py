"""Access keys of users and of the account's root user."""
