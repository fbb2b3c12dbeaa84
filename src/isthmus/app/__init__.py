"""Trained networks over HTTP, from one's own machine; needs the extra ``app``."""
