"""What a user can get wrong: one clear error with exit code 2 before any work starts, and nothing is written."""
