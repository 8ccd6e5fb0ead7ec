"""The service as most would write it, with Powertools, Pydantic and boto3."""
