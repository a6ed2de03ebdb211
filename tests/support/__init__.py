"""What tests share beside fixtures: data, clients, ports, and the account of what was skipped."""
