"""Parts of the hash of a value (:mod:`jug.hash`)."""
