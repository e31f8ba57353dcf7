"""Upbound's provider-aws-ecr for namespaced XRs: ecr.aws.m.upbound.io/v1beta1."""

from function.providers.upbound import Upbound

PROVIDER = Upbound(group="ecr.aws.m.upbound.io", version="v1beta1", namespaced=True)
