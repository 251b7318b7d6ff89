"""The rounds of active learning, without an engine: the steps that compute are passed in."""
