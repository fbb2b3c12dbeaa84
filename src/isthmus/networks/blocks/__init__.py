"""The exchangeable parts of networks."""
