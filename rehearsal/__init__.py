"""The rehearsal: the stack is deployed to a local AWS, and images go all the way from an upload to the results."""
