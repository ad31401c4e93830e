/// A log sequence number: the dense number of a record, counted from 1 over the life of the store.
/// 0 stands for "before the first record".
package typealias LSN = UInt64
