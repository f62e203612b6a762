"""The command `rectgrad`: arguments, and what each command does."""
