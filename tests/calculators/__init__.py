"""One contract for all labelers, and what each is known to give."""
