"""Plane-wave DFT labels from GPAW."""
