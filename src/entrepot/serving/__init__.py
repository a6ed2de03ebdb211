"""
``entrepot serve``: one parent that watches over processes.

    serve ─┬─ worker 1 … N   answer requests: Granian over ``entrepot.app``
           └─ jobs           garbage collection, by the clock

The parent holds the data folder, migrates the schema and starts the others from nothing, so that they
carry none of what only it needs. They die with it.
"""
