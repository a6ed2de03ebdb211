"""AWS operations as functions: each is named after its operation and takes the members of its input."""
