"""The cloud on one machine: the synthesised stack, deployed to a local AWS, from an upload to its results."""
