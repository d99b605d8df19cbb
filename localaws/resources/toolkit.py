"""What only the stack has that ``cdk bootstrap`` makes: a repository of images, the number of its version."""

import json

from localaws.resources.resource import Made, Resource, only


def make_repository(resource: Resource) -> Made:
    """Make an ``AWS::ECR::Repository``; it stays empty: nothing here is shipped in images."""
    ecr, name = resource.client("ecr"), resource.demand("RepositoryName")
    mutability = resource.take("ImageTagMutability", "MUTABLE")
    repository = ecr.create_repository(repositoryName=name, imageTagMutability=mutability)["repository"]
    resource.undo(ecr.delete_repository, repositoryName=name)
    if lifecycle := resource.take("LifecyclePolicy"):
        text = only(lifecycle, "LifecyclePolicyText")["LifecyclePolicyText"]
        ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=text)
    if policy := resource.take("RepositoryPolicyText"):
        ecr.set_repository_policy(repositoryName=name, policyText=json.dumps(policy))
    return Made(name, {"Arn": repository["repositoryArn"], "RepositoryUri": repository["repositoryUri"]})


def make_parameter(resource: Resource) -> Made:
    """Make an ``AWS::SSM::Parameter``."""
    ssm, name = resource.client("ssm"), resource.demand("Name")
    value = resource.same("Type", "Value")
    ssm.put_parameter(Name=name, **value)
    resource.undo(ssm.delete_parameter, Name=name)
    return Made(name, value)
