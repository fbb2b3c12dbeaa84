"""What `accuracy.peers` compares: data sets as folders, the programs, and how one run of a program is measured."""
