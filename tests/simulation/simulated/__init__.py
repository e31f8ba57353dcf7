"""Crossplane, the providers and Amazon ECR, as far as images can be lost by them.

    ecr         accounts, repositories, and who really made each one
    invariants  what must hold, and the exceptions by name
    managed     crossplane-runtime's managed reconciler
    classic     provider-aws of crossplane-contrib
    upjet       provider-aws of Upbound, both of its APIs
    cluster     an API server with Crossplane, the function and the providers
    world       clusters, accounts and people, and one clock

What each does is read off the real programs, and cited where it stands. A step happens
all at once; which step comes next is the test's choice. A reconcile may see a cluster
of the past, a provider may be killed in the middle, and what runs in the background
ends when the test says so.
"""
