"""Permissions of `drain` on applications, which a test of the template and the tests of the function agree on."""

OF_ALL = "emr-serverless:GetApplication"
"""Action on any application: one that no longer exists has no tag."""

OF_TAGGED = ("emr-serverless:ListJobRuns", "emr-serverless:StopApplication")
"""Actions on the applications of the environment."""

OF_JOBS = "emr-serverless:CancelJobRun"
