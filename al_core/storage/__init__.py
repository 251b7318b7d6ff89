"""Files, hashes, locks and processes."""
