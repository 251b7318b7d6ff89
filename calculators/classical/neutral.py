"""The potential that samples structures of an element: none of the models under test, and the same for all of them."""

from collections.abc import Callable

from ase.calculators.calculator import Calculator

from al_core.errors import LabelError
from calculators.classical.emt import ELEMENTS, emt
from calculators.classical.stillinger_weber import PARAMETERS, stillinger_weber

NEUTRAL: dict[str, Callable[[str], Calculator]] = {
    **dict.fromkeys(PARAMETERS, stillinger_weber),
    **dict.fromkeys(ELEMENTS, emt),
}


def neutral_potential(element: str) -> Calculator:
    """Return the ASE calculator of an element's neutral potential: Stillinger-Weber for Si and Ge, EMT for fcc metals.

    Raises:
        LabelError: there is none for the element.
    """
    if element not in NEUTRAL:
        raise LabelError(f"there is a neutral potential of {', '.join(NEUTRAL)}, not of {element}")
    return NEUTRAL[element](element)
