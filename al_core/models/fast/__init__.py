"""MACE regrouped: the same numbers as mace-torch's modules from the same weights, several times faster.

What is regrouped, and why it is exact:

- neighbour lists are padded, so that sums over neighbours are batched matrix products (:mod:`.geometry`);
- a pair of atoms is seen from both sides, but the radial network reads its distance only once, and gives its
  derivative along with its value (:mod:`.radial`);
- spherical harmonics, Bessel functions and their derivatives do not depend on weights: built once a structure;
- the coupling tensors are symmetrised and contracted with the weights once a step, and a polynomial and its gradient
  come from the same product (:mod:`.products`);
- forces are written down, not differentiated: a training step is one backward pass and not two (:mod:`.network`);
- the members of a committee are stacked in one more dimension.
"""
