"""The command `rectgrad`: its parser and its subcommands."""
