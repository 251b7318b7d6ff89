"""Labels: the store, obtaining one label, costs, exchange with files, convergence of settings."""
