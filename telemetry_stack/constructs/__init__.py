"""The parts of the stack: one construct a file, each owning its resources.

jsii's classes don't satisfy jsii's own interfaces in the eyes of a strict type checker, since it names some
parameters of their methods differently: hence a `cast` where a class is first used as its interface.
"""
