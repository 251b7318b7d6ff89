"""Graft's own engine: mace's mathematics regrouped, whole committees in one pass; and mace-torch's modules."""
