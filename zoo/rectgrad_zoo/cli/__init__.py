"""The commands of `rectgrad zoo`."""
