"""What exists for speed, each with its plain equivalent."""
