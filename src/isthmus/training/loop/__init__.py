"""The training loop: epochs of steps, what they change, and what is saved."""
