"""What a live org answers, as shapes without its data: the command `sfbulk-evidence`.

Imports what `salesforce/` and `jobs/` offer and the settings; nothing below knows it. It starts the
sandbox as a program of its own, to compare the two.
"""
