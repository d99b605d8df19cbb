"""The types that only the stack of ``cdk bootstrap`` has: a repository of images, and the number of its version."""

import json

from localaws.resources.resource import Made, Maker, Resource, only


def _repository(resource: Resource) -> Made:
    """Create a repository, which stays empty, as no code is deployed in images here."""
    ecr, name = resource.client("ecr"), resource.require("RepositoryName")
    mutability = resource.take("ImageTagMutability", "MUTABLE")
    if resource.before:
        ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability=mutability)
        [repository] = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    else:
        repository = ecr.create_repository(repositoryName=name, imageTagMutability=mutability)["repository"]
    resource.undo(ecr.delete_repository, repositoryName=name)
    if lifecycle := resource.take("LifecyclePolicy"):
        text = only(lifecycle, "LifecyclePolicyText")["LifecyclePolicyText"]
        ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=text)
    if policy := resource.take("RepositoryPolicyText"):
        ecr.set_repository_policy(repositoryName=name, policyText=json.dumps(policy))
    return Made(name, {"Arn": repository["repositoryArn"], "RepositoryUri": repository["repositoryUri"]})


def _parameter(resource: Resource) -> Made:
    ssm, name = resource.client("ssm"), resource.require("Name")
    value = resource.take_all("Type Value")
    ssm.put_parameter(Name=name, Overwrite=resource.before is not None, **value)
    resource.undo(ssm.delete_parameter, Name=name)
    return Made(name, value)


MAKERS: dict[str, Maker] = {"AWS::ECR::Repository": _repository, "AWS::SSM::Parameter": _parameter}
