"""`fruits doctor`: the checks of this machine, of the network, and of the AWS account."""
