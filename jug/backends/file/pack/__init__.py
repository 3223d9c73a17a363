"""The pack: many results in one file, as Jug 2.7 writes it."""
