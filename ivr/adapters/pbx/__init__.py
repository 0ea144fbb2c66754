"""The PBX of this machine: obtained, configured, started and asked."""
