"""How far distributions of one potential are from those of another."""

from collections.abc import Mapping
from typing import Any

from scipy.stats import wasserstein_distance

from al_core.evaluation.measured import Properties, Property

# the distributions of a case of structure: what they are of, its name in the details, and of the density there
_DISTRIBUTIONS = {
    "rdf": ("r_A", "g", "A", "Å"),
    "angles": ("degree", "density", "degree", "°"),
    "vdos": ("frequency_THz", "density", "THz", "THz"),
}


def distances(details: Mapping[str, Any], reference: Mapping[str, Any]) -> Properties:
    """Return the Wasserstein distances of the distributions of structure from a reference's, of each case of both.

    It is how far, on average, the one distribution has to be moved to become the other, in the unit of its variable:
    zero for equal ones. Both are normalised to one; the radial distribution function weighs distances by g.

    Args:
        details: of kind ``structure``, see :func:`al_core.evaluation.structure.structure`.
        reference: likewise.
    """
    found: Properties = {}
    for case in details:
        if case in reference:
            for name, (of, density, unit, written) in _DISTRIBUTIONS.items():
                ours, theirs = details[case][name], reference[case][name]
                key = f"{name}_{case.replace(' ', '')}_wasserstein_{unit}"
                if sum(ours[density]) and sum(theirs[density]):
                    value = wasserstein_distance(ours[of], theirs[of], ours[density], theirs[density])
                    found[key] = Property(float(value), written)
                else:
                    found[key] = Property(None, written, "one of the two is empty: no atom has neighbours there")
    return found
