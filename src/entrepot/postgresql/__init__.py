"""
PostgreSQL in the place of SQLite: the driver that ``Database`` then works with.

It is loaded by those alone who have such a database: its library and SQLAlchemy's dialect cost a start 0.1 s.
"""

from entrepot.postgresql.driver import Postgresql

__all__ = ["Postgresql"]
