"""What is wrong or odd with a data set, said before anyone trains on it."""
