// Package recordjson prints the records of Kafka's internal topics and metadata log as the JSON that Apache's tools print.
//
// Nothing of it knows a record type by name: each type is a schema in a text file under schemas/, and one decoder walks
// bytes and schema side by side, writing JSON as it goes. A new record type, or a new version of one, is a few lines of
// text. That fits a tool, where every type is printed and none is acted upon; the coordinators have their own types.
//
// The notation of a schema: a line `message NAME kind=… versions=… flexible=… [key=N]`, then one line per field,
// indented by two spaces per depth: `NAME TYPE VERSIONS [null=VERSIONS] [tag=N/VERSIONS] [default=VALUE]`. TYPE is a
// primitive, `struct`, `[]PRIMITIVE`, or `[]` for an array of structures; the fields of structures follow one deeper.
// VERSIONS is `none`, `3`, `0-4` or `2+`. The key of a message is the record type that it is found by.
//
// The JSON follows Kafka's converters: fields in the order of the schema, those that a version lacks left out, tagged fields
// left out when they hold their default, bytes in base64, UUIDs in Kafka's URL-safe base64.
package recordjson
