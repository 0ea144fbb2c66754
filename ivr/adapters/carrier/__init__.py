"""The simulated carrier: SIPp answers the calls, one process of ours hears them. Loopback only."""
