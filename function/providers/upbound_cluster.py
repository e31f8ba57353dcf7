"""Upbound's provider-aws-ecr for cluster-scoped XRs: ecr.aws.upbound.io/v1beta2."""

from function.providers.upbound import Upbound

PROVIDER = Upbound(group="ecr.aws.upbound.io", version="v1beta2", namespaced=False)
