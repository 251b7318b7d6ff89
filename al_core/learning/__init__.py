"""The active-learning rounds; their steps are passed in."""
