"""The packages that a deployment ships. Their names contain the hash of their inputs.

A synthesis only computes these hashes, which needs no network and takes milliseconds. Before the CDK command uploads a
package, it calls `python -m cdk.packaging`, which builds the package and prints the path of its file.
"""

from cdk.packaging.catalogue import Packages, packages_for
from cdk.packaging.package import BUILD, ROOT, Package, PackagingError, build

__all__ = ["BUILD", "ROOT", "Package", "Packages", "PackagingError", "build", "packages_for"]
