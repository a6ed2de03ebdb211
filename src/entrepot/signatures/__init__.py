"""Who signed a request: AWS's signatures, verified. Pure; nothing here knows a service or its model."""
