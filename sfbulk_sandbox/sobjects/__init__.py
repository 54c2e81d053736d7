"""The sObjects of the made-up org: their fields, their describes, their generated rows."""
