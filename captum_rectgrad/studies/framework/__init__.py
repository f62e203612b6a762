"""What a study is: its configuration, what it is given, and its result."""
