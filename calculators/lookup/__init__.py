"""Labels that are looked up: in a data set, or imported into the store."""
