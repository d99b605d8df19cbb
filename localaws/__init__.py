"""An AWS on this machine: moto's services, and what moto lacks to run a deployed stack; see README.md."""
