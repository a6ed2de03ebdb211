"""An account as a whole: its aliases, its summary, its report of credentials."""
