"""Acquisitions: which structures are labelled next. One file each; this is their registry."""

from al_core.acquisition.base import Acquisition
from al_core.acquisition.random import RANDOM
from al_core.acquisition.uncertainty import UNCERTAINTY
from al_core.acquisition.variance import VARIANCE_REDUCTION

ACQUISITIONS: dict[str, Acquisition] = {
    "random": RANDOM,
    "uncertainty": UNCERTAINTY,
    "variance_reduction": VARIANCE_REDUCTION,
}
