"""What the commands share: options, the table of commands, configuration files, what goes to a terminal."""
