"""What is measured: a function per row of the table, which takes a bench and returns a result."""
