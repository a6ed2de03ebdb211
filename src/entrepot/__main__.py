"""``python -m entrepot`` is ``entrepot``."""

from entrepot.cli import main

main()
