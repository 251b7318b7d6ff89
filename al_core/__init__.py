"""Physics, learning and statistics of Graft: plain functions that need neither Prefect nor a DFT code."""
