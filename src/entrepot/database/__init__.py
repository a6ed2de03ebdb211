"""
Rows. ``Database`` is the one way to them; tables of the domains register on ``metadata``.

Nothing here knows what the rows mean.
"""

from entrepot.database.engine import Database, Row, Transaction
from entrepot.database.statements import Statement, metadata

__all__ = ["Database", "Row", "Statement", "Transaction", "metadata"]
