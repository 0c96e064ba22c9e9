"""`python -m audiocos` and the `audiocos` command."""

from audiocos.cli.main import main

if __name__ == "__main__":
    main()
