"""What Graft's engine is worth in time, against stock mace-torch. ``make bench`` runs all; see docs/performance.md."""
