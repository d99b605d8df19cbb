"""What is shipped with a deployment: packages, named by what goes into them, and built when they are published.

At synthesis, a package is no more than the hash of its inputs: that needs no network, and takes milliseconds. When it
is to be uploaded, the CDK command calls `python -m cdk.packaging`, which builds it and prints the path of the file.
"""

from cdk.packaging.catalogue import Packages, packages_for
from cdk.packaging.package import BUILD, ROOT, Package, PackagingError, build

__all__ = ["BUILD", "ROOT", "Package", "Packages", "PackagingError", "build", "packages_for"]
