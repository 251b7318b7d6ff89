"""Where functions run, and what a person sees of it."""
