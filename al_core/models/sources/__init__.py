"""Source committees: shipped, and pretrained."""
