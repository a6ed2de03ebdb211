"""Users, and the credentials that they cannot have here."""
