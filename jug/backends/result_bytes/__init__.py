"""The bytes of a result: formats, seals, signatures."""
