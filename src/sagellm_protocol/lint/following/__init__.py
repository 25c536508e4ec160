"""What values in a code base may be, found out from its text."""
