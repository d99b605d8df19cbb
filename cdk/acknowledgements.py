"""Findings of the checkers that are as they should be: each is acknowledged where it arises, with its reason."""

from collections.abc import Mapping

from aws_cdk import Acknowledgment, Annotations, CfnResource, Validations
from constructs import Construct


def acknowledge(construct: Construct, reasons: Mapping[str, str]) -> None:
    """Say why findings on a construct, and on what it is made of, are as they should be.

    Parameters
    ----------
    construct
        Where they arise.
    reasons
        Id of a rule of cdk-nag (``AwsSolutions-…``, ``Serverless-…``), of checkov (``CKV_…``), or of CDK itself
        (``@aws-cdk/…``) → why.
    """
    for rule, reason in reasons.items():
        if rule.startswith("CKV"):
            _skip(construct, rule, reason)
        elif rule.startswith("@"):
            Annotations.of(construct).acknowledge_warning(rule, reason)
        else:
            pack = rule.partition("-")[0]  # cdk-nag's two packs are called like their rules begin
            Validations.of(construct).acknowledge(Acknowledgment(id=f"{pack}::{rule}", reason=reason))


def _skip(construct: Construct, rule: str, reason: str) -> None:
    """Write it where checkov reads it: in the metadata of the resources."""
    for child in construct.node.find_all():
        if isinstance(child, CfnResource):
            metadata = child.get_metadata("checkov") or {"skip": []}
            metadata["skip"].append({"id": rule, "comment": reason})
            child.add_metadata("checkov", metadata)
