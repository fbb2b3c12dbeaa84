"""The figures of a study: one registered function each."""
