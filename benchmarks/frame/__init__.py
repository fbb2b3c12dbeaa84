"""What every benchmark shares: rows, contenders, processes, turns, results, pages."""
