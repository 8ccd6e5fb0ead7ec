"""The local cloud: the real stack, deployed by the real CDK CLI, on an AWS emulator on this machine."""
