"""
The benchmark: the same work on Entrepôt and on other registries, in turn, on one machine, in one run.

``make bench`` runs it. Only ratios of one run count: the same machine may be two times slower an hour later.
"""
