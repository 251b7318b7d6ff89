"""What is known of the elements before any calculation."""

# experimental, diamond structure at room temperature, Å
LATTICE_CONSTANT_A = {"C": 3.567, "Si": 5.431, "Ge": 5.658}
# per atom, eV: C. Kittel, Introduction to Solid State Physics, 8th ed., table 3.1
COHESIVE_ENERGY_EV = {"C": 7.37, "Si": 4.63, "Ge": 3.85}
