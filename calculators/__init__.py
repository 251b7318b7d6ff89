"""Labelers and ASE calculators: what gives one structure its energy, forces and stress."""
