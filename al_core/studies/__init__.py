"""Data-budget studies: the grid of cells, the ledger of what was paid, learning curves and their statistics."""
