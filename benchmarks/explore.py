"""Sixteen walkers of 16 silicon atoms that know how unsure a committee of four is: Graft's batch against ASE in turn.

Langevin dynamics at 900 K, 2 fs, new neighbours at every step; the forces are the mean of four models and every step
has the standard deviation of each atom's force. ASE moves one walker after the other, with ``MACECalculator`` of the
same four, whose ``forces_comm`` has it. Picoseconds a day of all walkers.
Required: 4.
"""

from benchmarks._walking import Walking, run

if __name__ == "__main__":
    run(__doc__, Walking(walkers=16, atoms=16, spread=True, steps=(5, 30), repeats=(7, 3), unit="ps"))
