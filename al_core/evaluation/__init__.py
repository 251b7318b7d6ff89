"""How good a committee is on frozen test data."""
