"""The service as ``countenance serve`` starts it, killed in the middle of a request, for test_service_process.

``python -m tests.faults.service_driver PLACE``; the place is one of ``once_acts.PLACES``.
"""

from __future__ import annotations

import sys

from countenance.http.serving import main
from tests.faults.once_driver import arm

if __name__ == "__main__":
    arm(sys.argv[1])
    main()
