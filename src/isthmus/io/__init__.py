"""One file format a file. Nothing here knows a case or a fold."""
