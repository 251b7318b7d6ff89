"""Acquisitions: which structures are labelled next. One file each; this is their registry."""

from al_core.acquisition.base import Acquisition
from al_core.acquisition.random import RANDOM
from al_core.acquisition.uncertainty import UNCERTAINTY

ACQUISITIONS: dict[str, Acquisition] = {"random": RANDOM, "uncertainty": UNCERTAINTY}
