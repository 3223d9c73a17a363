"""The parts of compare.py: environments, processes and their rows, figures with goals, and what is shown of them."""
