"""Labels from any code that ASE has a calculator of."""
