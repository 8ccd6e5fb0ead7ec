"""The service with botocore and nothing else: the floor."""
