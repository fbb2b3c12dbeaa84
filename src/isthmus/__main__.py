"""The program ``isthmus``, also as ``python -m isthmus``, which launchers of several processes call."""

import sys


def main() -> None:
    """Runs the command line; Ctrl-C while its modules are imported ends it in one line, too."""
    try:
        from isthmus.cli.main import main as run

        run()
    except KeyboardInterrupt:
        print("isthmus: interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
