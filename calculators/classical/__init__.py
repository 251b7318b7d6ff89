"""Classical potentials: labelers that cost milliseconds, and the neutral samplers of pools."""
