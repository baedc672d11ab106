/**
 * This module knows the messages whose JSON is one string, number or bool (ProtoJSON). They are accepted where a path, a query
 * or a rule takes a scalar. Messages whose JSON may have any form (Struct, Value, ListValue, Any) do not belong to them.
 */
import type { MessageDescriptor } from './descriptor.js';

const NAMES =
  /^google\.protobuf\.(?:Timestamp|Duration|FieldMask|(?:Double|Float|U?Int64|U?Int32|Bool|String|Bytes)Value)$/;

export function isTextMessage({ fullName }: MessageDescriptor): boolean {
  return NAMES.test(fullName);
}
