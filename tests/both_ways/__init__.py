"""The compiled core and Python alone, beside each other: what one answers to an input, the other must answer.

Each way works in a process of its own, on the inputs that ``fuzzing`` makes; ``python -m both_ways`` compares them.
"""
