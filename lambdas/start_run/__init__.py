"""Events of the bucket → notices → one execution of the workflow."""
