"""How the numbers behind the events are made: statistics of the rules, and the model that a user may train."""
