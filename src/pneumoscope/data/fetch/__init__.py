"""Getting a public data set: where it lies (``places``) and the way from there to a folder (``run``)."""
