module function-ecr-repos/conformance/provider-aws

go 1.25

require github.com/crossplane-contrib/provider-aws v0.58.0
