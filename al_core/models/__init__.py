"""MACE models of one element: building, training, starting from another element, keeping and loading."""
