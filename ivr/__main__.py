"""`python -m ivr` is `ivr`."""

from ivr.doors.cli import main

main()
