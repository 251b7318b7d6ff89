"""Stillinger-Weber silicon and germanium: a labeler that costs a millisecond, and the neutral sampler of pools.

Parameters: Si, F. H. Stillinger and T. A. Weber, Phys. Rev. B 31, 5262 (1985); Ge, K. Ding and H. C. Andersen,
Phys. Rev. B 34, 6987 (1986): the same reduced form with epsilon 1.93 eV, sigma 2.181 Å and lambda 31.
The potential itself is matscipy's.
"""

from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator

from al_core.config.labelers import StillingerWeberLabeler as Settings
from al_core.errors import LabelError
from calculators.classical.labeler import ClassicalLabeler, version

_REDUCED = {
    "costheta0": 1.0 / 3.0,
    "A": 7.049556277,
    "B": 0.6022245584,
    "p": 4,
    "a": 1.80,
    "gamma": 1.20,
}
PARAMETERS: dict[str, dict[str, Any]] = {
    "Si": {"el": "Si", "epsilon": 2.1683, "sigma": 2.0951, "lambda1": 21.0, **_REDUCED},
    "Ge": {"el": "Ge", "epsilon": 1.93, "sigma": 2.181, "lambda1": 31.0, **_REDUCED},
}


def stillinger_weber(element: str, three_body: float = 1.0) -> Calculator:
    """Return an ASE calculator of the Stillinger-Weber potential of Si or Ge (energy eV, forces eV/Å, stress eV/Å^3).

    Args:
        element: chemical symbol.
        three_body: a factor of lambda, the strength of the three-body term.

    Raises:
        LabelError: there are no parameters for the element.
    """
    from matscipy.calculators.manybody import Manybody
    from matscipy.calculators.manybody.explicit_forms import StillingerWeber

    from calculators.classical.triplets import TwoSidedNeighbourhood

    if element not in PARAMETERS:
        raise LabelError(f"Stillinger-Weber has parameters for {', '.join(PARAMETERS)}, not for {element}")
    parameters = {**PARAMETERS[element], "lambda1": three_body * PARAMETERS[element]["lambda1"]}
    terms = StillingerWeber(parameters)
    pairs_and_triplets = TwoSidedNeighbourhood(atom_types=terms["atom_type"], pair_types=terms["pair_type"])
    calculator: Calculator = Manybody(**terms, neighbourhood=pairs_and_triplets)
    return calculator


class StillingerWeberLabeler(ClassicalLabeler):
    """Labels of the Stillinger-Weber potential: instant, for tests, demonstrations and development."""

    name = "stillinger_weber"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def identity(self) -> dict[str, Any]:
        """See :class:`al_core.types.Labeler`."""
        # at 1 it is left out: labels made before there was a factor keep their keys
        changed = {} if self.settings.three_body == 1 else {"three_body": self.settings.three_body}
        return {"kind": self.name, "parameters": PARAMETERS, **changed, "matscipy": version("matscipy")}

    def check(self, atoms: Atoms) -> None:
        """See :class:`al_core.types.Labeler`."""
        elements = set(atoms.get_chemical_symbols())
        if len(elements) != 1 or not elements <= set(PARAMETERS):
            raise LabelError(
                f"Stillinger-Weber labels one of {', '.join(PARAMETERS)}, not {'+'.join(sorted(elements)) or 'nothing'}"
            )

    def estimate_core_seconds(self, atoms: Atoms) -> float:
        """See :class:`al_core.types.Labeler`."""
        return 2e-3 + 2e-4 * len(atoms)

    def calculator(self, atoms: Atoms) -> Calculator:
        """See :class:`calculators.classical.labeler.ClassicalLabeler`."""
        return stillinger_weber(atoms.get_chemical_symbols()[0], self.settings.three_body)
