"""Messages in pydantic's models, its ``TypeAdapter`` and whatever stands on these, such as FastAPI.

Validation is ours: what a message takes is what the codec ``dict`` takes, or a message itself. pydantic need not be
installed: nothing here is loaded before pydantic asks for it.
"""
