"""How messages are shown in notebooks and by rich: cut like their ``repr``, or whole, and never what is hidden."""
