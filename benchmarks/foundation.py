"""The figure of docs/results/foundation.md, drawn from the page's tables; ``python -m benchmarks.foundation``.

A panel for each table whose first column is headed "force MAE": a line with its 95 % interval for each arm with errors
at several numbers of labels, a dashed line for each potential as it is.
"""

import argparse
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[1] / "docs" / "results" / "foundation.md"
_CELL = re.compile(r"(?P<mean>[\d.]+) \((?P<low>-?[\d.]+) to (?P<high>[\d.]+)\)")
_LEAST = 10.0  # meV/Å: an interval that reaches zero ends here
_COLORS = {
    "scratch": "#444444",
    "transfer": "#0072b2",
    "rescaled": "#d55e00",
    "distilled": "#009e73",
    "distilled_rescaled": "#cc79a7",
}

Row = tuple[str, list[str]]


def main() -> None:
    """Draw the figure beside the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figure", type=Path, default=PAGE.with_suffix(".png"), metavar="FILE.png")
    given = parser.parse_args()
    import matplotlib.pyplot as plt

    tables = force_tables(PAGE.read_text(encoding="utf-8"))
    figure, axes = plt.subplots(1, len(tables), figsize=(4.6 * len(tables), 3.6), sharey=True, layout="constrained")
    for panel, (title, budgets, rows) in zip([axes] if len(tables) == 1 else axes, tables, strict=True):
        _draw(panel, title, budgets, rows)
    figure.supylabel("force MAE, meV/Å", fontsize=9)
    figure.savefig(given.figure, dpi=160)
    print(given.figure)


def force_tables(page: str) -> list[tuple[str, list[int], list[Row]]]:
    """Return of each table of force errors the heading above it, the numbers of labels, and the rows' cells."""
    found: list[tuple[str, list[int], list[Row]]] = []
    heading, inside = "", False
    for line in page.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        cells = [cell.strip(" *") for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if cells and cells[0].startswith("force MAE"):
            found.append((heading, [int(cell.split()[0]) for cell in cells[1:]], []))
            inside = True
        elif not cells:
            inside = False
        elif inside and not cells[0].startswith("---"):
            found[-1][2].append((cells[0], cells[1:]))
    return found


def _draw(panel: Any, title: str, budgets: list[int], rows: list[Row]) -> None:
    for name, cells in rows:
        matches = [_CELL.fullmatch(cell.replace("*", "")) for cell in cells]
        if not any(matches):
            for potential, error in zip(re.findall(r"0\.\d\.0", name), cells[0].split(","), strict=True):
                style = "--" if potential == "0.3.0" else ":"
                panel.axhline(float(error), color="#666666", linestyle=style, linewidth=1, label=f"CHGNet {potential}")
            continue
        arm = (re.findall(r"`(\w+)`", name) or ["CHGNet 0.3.0, fine-tuned"])[0]
        there = [(budget, found) for budget, found in zip(budgets, matches, strict=True) if found]
        labels = [budget for budget, _ in there]
        mean, low, high = ([float(found[end]) for _, found in there] for end in ("mean", "low", "high"))
        color = _COLORS.get(arm, "#e69f00")
        panel.plot(labels, mean, "o-", color=color, markersize=3, linewidth=1.4, label=arm)
        panel.fill_between(labels, [max(_LEAST, one) for one in low], high, color=color, alpha=0.12, linewidth=0)
    panel.set(xscale="log", yscale="log", xlabel="labels", xticks=budgets, xticklabels=map(str, budgets))
    panel.set_yticks([10, 20, 50, 100, 200, 500], ["10", "20", "50", "100", "200", "500"])
    panel.minorticks_off()
    panel.set_title(title, fontsize=9)
    panel.legend(frameon=False, fontsize=7)


if __name__ == "__main__":
    main()
