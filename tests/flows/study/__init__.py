"""The smoke study through the command line and from Python, and what may be done with what it leaves."""
