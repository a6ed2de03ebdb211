"""The schema of the rows: its versions, and the steps from one to the next."""
