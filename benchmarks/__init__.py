"""Benchmarks: one script a claim. ``make bench`` runs them; docs/performance.md has the results."""
