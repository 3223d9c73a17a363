"""Is a hash found again: by another process, another version of a library, after the arguments were used?"""
