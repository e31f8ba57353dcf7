"""A simulation of Crossplane, the providers and Amazon ECR: all that can lose images.

    ecr         accounts, repositories, and the true creator of each repository
    invariants  what must hold, and the exceptions by name
    managed     the managed reconciler of crossplane-runtime
    classic     provider-aws of crossplane-contrib
    upjet       provider-aws of Upbound, both of its APIs
    cluster     an API server with Crossplane, the function and the providers
    starts      the claims that a simulation starts with
    world       clusters, accounts, people, and one clock

The behavior is taken from the source of the real programs; comments cite the files. A
step is atomic, and the test chooses the next step. A reconcile may read an old state of
the cluster. A provider may be killed during a step. A background operation ends when
the test says so.
"""
