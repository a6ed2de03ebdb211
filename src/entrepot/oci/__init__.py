"""The OCI Distribution API: one face of the registry."""
