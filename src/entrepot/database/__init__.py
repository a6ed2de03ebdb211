"""
Rows. ``Database`` is the one way to them; tables of the domains register on ``metadata``.

Nothing here knows what the rows mean.
"""

from entrepot.database.engine import Database
from entrepot.database.statements import Integer, Statement, Text, metadata
from entrepot.database.transactions import Row, Transaction

__all__ = ["Database", "Integer", "Row", "Statement", "Text", "Transaction", "metadata"]
