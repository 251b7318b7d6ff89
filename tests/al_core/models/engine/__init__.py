"""The regrouped MACE against mace-torch's own modules, against finite differences, and against symmetry."""
