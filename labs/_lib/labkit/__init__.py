"""labkit: what check programs, seeds and worlds of the labs share.

One module, one job; a module imports what it needs when it is imported, so a
check that only asks Prometheus pays for nothing else.
"""

import os
import sys

# In a check program the lab's own modules, which lie beside its checks, can be imported too.
if "LAB_CHECKS" in os.environ:
    sys.path.insert(0, os.environ["LAB_CHECKS"])
