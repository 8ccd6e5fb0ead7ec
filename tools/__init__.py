"""What an engineer runs: the environment, the checks, the local cloud, the deployment."""
