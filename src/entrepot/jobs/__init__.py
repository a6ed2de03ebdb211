"""
Work that no request waits for: said in ``job``, done by the process of ``worker``.

Only ``worker`` knows DBOS, whose import costs what a worker that answers requests has better use for.
"""

from entrepot.jobs.job import Asked, Every

__all__ = ["Asked", "Every"]
