"""How the numbers behind the events are made from labelled clips."""
