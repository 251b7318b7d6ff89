"""The table and the page of a convergence study."""

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from al_core.labels.convergence import Deviation, Point

_QUANTITIES = {
    "force_meV_per_A": "force, meV/Å",
    "energy_meV_per_atom": "energy differences, meV/atom",
    "stress_meV_per_A3": "stress, meV/Å³",
}
_COLOURS = ("#0072B2", "#D55E00", "#009E73")
_LEAST = 1e-3  # what is drawn of an error; settings that change nothing are off by rounding, nine decades below others

Found = Sequence[tuple[Point, Deviation]]


def markdown(found: Found) -> str:
    """Return the results as a table."""
    columns = ["setting", "value", *_QUANTITIES.values(), "mean pressure, meV/Å³", "core-seconds a label", "labels"]
    rows = [columns, ["---"] * len(columns)]
    for point, off in found:
        errors = [f"{getattr(off, name):.2f}" for name in _QUANTITIES]
        name = f"`{point.varied}`" if point.varied else "all"
        cost = f"{off.core_seconds:.0f}"
        rows.append([name, point.value, *errors, f"{off.pressure_meV_per_A3:+.2f}", cost, str(off.n_labels)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def page(name: str, found: Found) -> str:
    """Return a self-contained HTML page with one panel for each varied setting: errors against its value."""
    varied = list(dict.fromkeys(point.varied or "settings" for point, _ in found))
    figure = make_subplots(rows=-(-len(varied) // 2), cols=min(2, len(varied)), subplot_titles=varied)
    for number, title in enumerate(varied):
        part = [(point, off) for point, off in found if (point.varied or "settings") == title and off.n_labels]
        for colour, (quantity, label) in zip(_COLOURS, _QUANTITIES.items(), strict=True):
            figure.add_trace(
                go.Scatter(
                    x=[point.value for point, _ in part],
                    y=[max(getattr(off, quantity), _LEAST) for _, off in part],
                    name=label,
                    legendgroup=quantity,
                    showlegend=number == 0,
                    mode="lines+markers" if title != "settings" else "markers",
                    line={"color": colour},
                    hovertext=[
                        f"{getattr(off, quantity):.2g}, {off.core_seconds:.0f} core-seconds a label" for _, off in part
                    ],
                ),
                row=number // 2 + 1,
                col=number % 2 + 1,
            )
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="log", matches="y", exponentformat="none")
    figure.update_yaxes(title="root mean square error", col=1)
    height = 340 * -(-len(varied) // 2) + 80
    title = f"{name}: errors against tight settings (those below {_LEAST} are drawn there)"
    figure.update_layout(title=title, template="plotly_white", height=height)
    return str(figure.to_html(include_plotlyjs=True, full_html=True))
