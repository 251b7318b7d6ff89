"""What acquisitions save over random draws, in studies that were run; ``python -m benchmarks.acquisitions FOLDER ...``.

The tables of the report's section "Acquisitions against random": what an acquisition needs for the error that random
draws have with some numbers of labels, in per cent of what these need, with 95 % intervals over seeds.
"""

import argparse
from pathlib import Path

from al_core.report.overview import overview
from al_core.report.sections.acquisitions import acquisition_tables
from al_core.report.tables import Cell
from al_core.studies.results import load_results
from benchmarks._common import table


def main() -> None:
    """Print the tables of every study named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="folders of studies")
    given = parser.parse_args()
    print((__doc__ or "").strip())
    for folder in given.folders:
        view = overview(load_results(folder))
        for title, found in acquisition_tables(view):
            for group in found.groups:
                print(f"\n{view.results.name}, {group.title}. {title}\n")
                table((found.corner, *found.columns), [(name, *map(_text, cells)) for name, cells in group.rows])


def _text(cell: Cell) -> str:
    return f"{cell.main} ({cell.small})"


if __name__ == "__main__":
    main()
