"""How sure a committee is."""
