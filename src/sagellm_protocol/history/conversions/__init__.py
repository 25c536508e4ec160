"""Changes that convert values: payloads of before pass through a function, and back through another."""

from sagellm_protocol.history.conversions.conversion import Conversion, ConversionError, Down, Up

__all__ = ["Conversion", "ConversionError", "Down", "Up"]
