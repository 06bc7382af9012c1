"""Pure functions on arrays: metrics, intervals, calibration, operating points.

``calibration`` needs NumPy alone, as the runtime does; the other modules need the ``evaluate`` extra.
"""
