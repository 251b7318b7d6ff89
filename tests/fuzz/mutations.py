"""Changes of good inputs: what is fuzzed with is near enough to them to get past the first check."""

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["../../escaped", "/etc/passwd", "~", "a/b", "nan", "1e999", "<script>", "{}", "\x00", "Xx"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def changed_data(draw: st.DrawFn, good: Any) -> Any:
    """Return a nested structure with one to three values replaced, added or removed."""
    data = deepcopy(good)
    for _ in range(draw(st.integers(1, 3))):
        node = data
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(node[key], dict | list) and node[key] and draw(st.booleans()):
                node = node[key]
                continue
            what = draw(st.sampled_from(["replace", "remove", "add"]))
            if what == "remove":
                del node[key]
            elif what == "add" and isinstance(node, dict):
                node[draw(st.text(max_size=10))] = draw(VALUES)
            else:
                node[key] = draw(VALUES)
            break
    return data


@st.composite
def changed_bytes(draw: st.DrawFn, good: bytes) -> bytes:
    """Return bytes with one to three stretches replaced, repeated or removed."""
    found = good
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(found)))
        end = min(len(found), begin + draw(st.integers(0, 40)))
        middle = draw(
            st.binary(max_size=12) | st.sampled_from([found[begin:end] * 2, b"nan", b"-1e400", b"\n", b'"', b"0"])
        )
        found = found[:begin] + middle + found[end:]
    return found
