"""What tasks are made of (:mod:`jug.task`)."""
