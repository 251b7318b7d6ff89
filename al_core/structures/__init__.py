"""Structures: data sets, checks, equivalence, elements and sampling."""
