/**
 * The messages whose JSON is one text, number or bool (ProtoJSON): where a path, a query or a rule takes a scalar, they fit
 * as well. Those whose JSON may be anything (Struct, Value, ListValue, Any) are none of them.
 */
import type { MessageDescriptor } from './descriptor.js';

const NAMES =
  /^google\.protobuf\.(?:Timestamp|Duration|FieldMask|(?:Double|Float|U?Int64|U?Int32|Bool|String|Bytes)Value)$/;

export function isTextMessage({ fullName }: MessageDescriptor): boolean {
  return NAMES.test(fullName);
}
