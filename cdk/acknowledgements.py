"""Acknowledges findings of cdk-nag, checkov and CDK, each at its construct and with a reason."""

from collections.abc import Mapping

from aws_cdk import Acknowledgment, Annotations, CfnResource, Validations
from constructs import Construct


def acknowledge(construct: Construct, reasons: Mapping[str, str]) -> None:
    """Acknowledge findings on a construct and its children.

    Parameters
    ----------
    construct
        Construct that has the findings.
    reasons
        Id of a rule of cdk-nag (``AwsSolutions-…``, ``Serverless-…``), of checkov (``CKV_…``), or of CDK itself
        (``@aws-cdk/…``) → reason why the finding is acceptable.
    """
    for rule, reason in reasons.items():
        if rule.startswith("CKV"):
            _skip(construct, rule, reason)
        elif rule.startswith("@"):
            Annotations.of(construct).acknowledge_warning(rule, reason)
        else:
            pack = rule.partition("-")[0]  # the ids of a pack's rules begin with the name of the pack
            Validations.of(construct).acknowledge(Acknowledgment(id=f"{pack}::{rule}", reason=reason))


def _skip(construct: Construct, rule: str, reason: str) -> None:
    """Write the reason into the metadata of the resources, where checkov reads it."""
    for child in construct.node.find_all():
        if isinstance(child, CfnResource):
            metadata = child.get_metadata("checkov") or {"skip": []}
            metadata["skip"].append({"id": rule, "comment": reason})
            child.add_metadata("checkov", metadata)
