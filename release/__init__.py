"""What a release needs and the package does not."""
