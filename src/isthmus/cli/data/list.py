"""``isthmus data list``."""

from __future__ import annotations

from isthmus.cli.tables import add_row, print_table, table_of


def list_datasets() -> None:
    """List the public data sets that are read in the layout in which they are downloaded."""
    from isthmus.data.catalog import DATASETS

    table = table_of("name", "data set", "tried on", "layout of ROOT")
    for name, entry in sorted(DATASETS.items()):
        add_row(table, name, entry.title, entry.tried or "not tried on the real files", entry.layout)
    print_table(table)
