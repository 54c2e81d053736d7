"""Files and names that users hand in, understood or refused, without the Singer SDK.

Any encoding; settings and catalogs of other Salesforce taps. Imports only `configuration` and what
is beneath it.
"""
