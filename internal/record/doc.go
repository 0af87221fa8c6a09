// Package record is the record batch of magic 2, the unit in which Kafka's records travel and rest: a view over its bytes
// (Batch), iteration (Reader), construction (Builder), compression, and the validation that a leader does before it appends
// (Validate).
//
// Bytes are the currency. A Batch is a slice of somebody else's buffer, and nothing here copies or allocates per record on
// the way of a produce request. The three fields that a broker assigns (base offset, partition leader epoch and, with
// LogAppendTime, the maximum timestamp) are written in place.
//
// The layout of a batch, all numbers big endian, with the position of each field:
//
//	 0 base offset        int64
//	 8 length             int32   bytes that follow this field
//	12 leader epoch       int32
//	16 magic              int8    2
//	17 crc                uint32  CRC-32C of all that follows
//	21 attributes         int16   0-2 codec, 3 timestamp type, 4 transactional, 5 control, 6 delete horizon
//	23 last offset delta  int32
//	27 base timestamp     int64   or the delete horizon, if its bit is set
//	35 max timestamp      int64
//	43 producer id        int64
//	51 producer epoch     int16
//	53 base sequence      int32
//	57 number of records  int32
//	61 records            compressed as a whole, if a codec is set
package record
