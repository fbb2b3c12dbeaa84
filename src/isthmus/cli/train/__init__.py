"""``isthmus train``: the command, the recipe that its options describe, starting, and resuming."""
