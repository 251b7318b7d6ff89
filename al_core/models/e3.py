"""e3nn's harmonics and couplings. mace is not imported: it takes seconds, and most processes never need it."""

import torch

# one of the constants e3nn reads holds slices
with torch.serialization.safe_globals([slice]):
    from e3nn import o3 as o3  # noqa: PLC0414 (others have it from here)
    from e3nn.math import normalize2mom

SILU_FACTOR = float(normalize2mom(torch.nn.functional.silu).cst)  # e3nn brings the second moment of silu to 1
