"""All that knows the Singer SDK: the tap, its streams, the messages, the commands.

The only folder that imports `singer_sdk`. `streams/` holds the streams, `inputs/` what users hand
in. Imports `reading` and what is below it.
"""

import warnings

# The SDK imports joblib for targets. Where there is no shared memory, as in some containers, that
# warns at each start of something that the tap does not use.
warnings.filterwarnings("ignore", ".*joblib will operate in serial mode", UserWarning)
