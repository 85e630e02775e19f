"""labkit: what check programs, seeds and worlds of the labs share.

One module, one job; a module imports what it needs when it is imported, so a
check that only asks Prometheus pays for nothing else.
"""
