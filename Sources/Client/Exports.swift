// JobID, LeaseToken, JobState, QueuePolicy and RefusalCode are part of the client's interface.
@_exported public import HoldfastModel
