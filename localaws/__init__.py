"""An AWS of this machine: moto's services, and what they lack to run the stack for real."""
