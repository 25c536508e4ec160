"""Messages shown in notebooks and by rich, cut like their ``repr`` or whole; tables in terminals."""
