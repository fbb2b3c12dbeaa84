"""``python -m isthmus``, which launchers of several processes call."""

from isthmus.cli.main import main

if __name__ == "__main__":
    main()
