"""``python -m flows.cli`` is the command ``graft``."""

from flows.cli import main

if __name__ == "__main__":
    main()
