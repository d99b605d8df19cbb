"""`drain` stops everything that uses an EMR Serverless application, before CloudFormation deletes the application."""
