"""Twenty walkers of 64 silicon atoms with a committee of four: Graft's batch against ASE and MACECalculator in turn.

Langevin dynamics at 900 K, 2 fs, new neighbours at every step. Graft moves all walkers together by the mean of four
models; ASE moves one after the other, with ``MACECalculator`` of the same four. Nanoseconds a day of all walkers.
Required: 4.
"""

from benchmarks._walking import Walking, run

if __name__ == "__main__":
    run(__doc__, Walking(walkers=20, atoms=64, spread=False, steps=(2, 20), repeats=(5, 2), unit="ns"))
