/** protobufjs's parser, without what takes it time and with what it lacks: groups in a oneof. */
import protobuf from 'protobufjs';

/**
 * Throws an Error of protobufjs's for what does not parse.
 *
 * It throws and catches an Error at every option whose value is a name (`[(google.api.field_behavior) = REQUIRED]`). Its
 * stack, which nobody reads, would be a tenth of what parsing costs. And it lists the fields of a message anew for each
 * that is added. All is as it was when it has returned: nothing waits in between.
 */
export function parseText(text: string): protobuf.IParserResult {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  protobuf.Type.prototype.add = addToMessage;
  protobuf.OneOf.prototype.add = addToOneof;
  try {
    return protobuf.parse(text, new FileRoot(), { keepCase: true });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    protobuf.Type.prototype.add = add;
    protobuf.OneOf.prototype.add = addField;
  }
}

const { add } = protobuf.Type.prototype;
const { add: addField } = protobuf.OneOf.prototype;
/** The messages of a oneof's groups, which belong into the message around it. */
const GROUPS = new WeakMap<protobuf.OneOf, protobuf.Type[]>();

/** As `add`, which drops the list of fields by number and makes it again, ten thousand times for ten thousand fields. */
function addToMessage(this: protobuf.Type, object: protobuf.ReflectionObject): protobuf.Type {
  const { fieldsById } = this;
  add.call(this, object);
  if (object instanceof protobuf.Field && object.extend === undefined) {
    fieldsById[object.id] = object;
    (this as unknown as { _fieldsById: typeof fieldsById })._fieldsById = fieldsById;
  }
  if (object instanceof protobuf.OneOf) for (const group of GROUPS.get(object) ?? []) add.call(this, group);
  return this;
}

/** As `add`, which takes fields alone. */
function addToOneof(this: protobuf.OneOf, object: protobuf.ReflectionObject): protobuf.OneOf {
  if (!(object instanceof protobuf.Type)) return addField.call(this, object as protobuf.Field);
  GROUPS.set(this, [...(GROUPS.get(this) ?? []), object]);
  return this;
}

/**
 * protobufjs registers what it adds to a Root for lookups, exposes it as properties and adds extensions to the types
 * that they extend. For a Root that is read once and dropped that is time spent, and fields that are listed twice.
 */
class FileRoot extends protobuf.Root {
  _handleAdd(): void {}
}
