"""Where results are looked up."""
