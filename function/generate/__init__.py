"""Files that are generated from the code: CRD, XRD schemas, JSON Schemas, reference."""
