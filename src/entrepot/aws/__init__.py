"""The AWS protocol engine: it knows the service models and the signatures, and knows no service."""
