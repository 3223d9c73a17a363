"""One call of a task's function, and what is around it."""
