"""What prove-sync.py is made of: the trace's reader, the files, the log, the wire, the judge."""
