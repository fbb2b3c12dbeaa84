"""Pictures of chosen cases, with saliency maps."""
