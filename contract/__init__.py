"""What the Lambdas, the workflow, the CDK stack and the Spark application agree on. Standard library only."""
