"""Tasks that see to some things themselves."""
