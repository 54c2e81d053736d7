"""The databases that records are loaded into, behind one interface (`database.py`).

Knows nothing of Salesforce, pages or states.
"""
