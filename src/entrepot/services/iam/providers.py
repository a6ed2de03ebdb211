"""Providers of OpenID Connect, whose tokens may stand for a role."""
