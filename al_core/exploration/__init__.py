"""Candidates found by the committee itself: molecular dynamics until it no longer knows what it does."""
