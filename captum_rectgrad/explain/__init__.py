"""From a model and photographs to attribution maps and their figure."""
