"""What happens before the first step: files are checked, cases split, and open settings filled in."""
