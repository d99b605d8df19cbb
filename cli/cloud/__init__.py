"""The subcommands that use an environment on AWS, or the account that it is deployed to; and what they share."""
