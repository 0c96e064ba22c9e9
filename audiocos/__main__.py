"""`python -m audiocos` and the `audiocos` command."""

import sys


def main() -> None:
    """Run the command line and exit; Ctrl-C ends it quietly also while it is loaded."""
    try:
        from audiocos.cli.main import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
