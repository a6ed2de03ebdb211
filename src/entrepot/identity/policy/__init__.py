"""
The policy engine: documents in, decisions out. Pure: no database, no clock, no wire; it stands alone.

``parse`` judges a document that somebody wants to save, ``compile_policy`` makes one that is stored ready to be
asked, ``decide`` asks all of them that concern a request. Source: security-design 1.
"""

from entrepot.identity.policy.compiled import TIME_KEYS, Policy, compile_policy
from entrepot.identity.policy.decision import Decision, Layer, Outcome, Sides, decide
from entrepot.identity.policy.documents import Document, Kind, Malformed, Statement, parse
from entrepot.identity.policy.requests import Caller, Request

__all__ = [
    "TIME_KEYS",
    "Caller",
    "Decision",
    "Document",
    "Kind",
    "Layer",
    "Malformed",
    "Outcome",
    "Policy",
    "Request",
    "Sides",
    "Statement",
    "compile_policy",
    "decide",
    "parse",
]
