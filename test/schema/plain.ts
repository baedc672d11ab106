/** Returns a registry as plain data, without positions, to compare two ways of loading one schema. */
import type { HttpRule } from '../../src/schema/annotations.js';
import type {
  EnumDescriptor,
  FieldDescriptor,
  MessageDescriptor,
  MethodDescriptor,
  Registry,
} from '../../src/schema/descriptor.js';
import { plainOption } from '../../src/schema/option-tree.js';

/** Returns the named messages and enums, all types that they refer to, and all services. */
export function plainSchema(registry: Registry, names: readonly string[]): unknown {
  const types = new Map<string, unknown>();
  const seen = new Set<MessageDescriptor | EnumDescriptor>();
  for (const name of names) {
    const type = registry.message(name) ?? registry.enum(name);
    if (type === undefined) types.set(name, 'missing');
    else seen.add(type);
  }
  const routed = registry.services.filter(({ methods }) => methods.some(({ routing }) => routing === 'routed'));
  for (const { methods } of routed) for (const { input, output } of methods) seen.add(input).add(output);
  for (const type of seen) {
    types.set(type.fullName, type.kind === 'message' ? plainMessage(type) : plainEnum(type));
    if (type.kind === 'enum') continue;
    for (const { type: inner } of fieldsOf(type)) {
      if (inner.kind === 'message') seen.add(inner.message);
      if (inner.kind === 'enum') seen.add(inner.enum);
    }
  }
  const services = routed.map(({ fullName, name, defaultPolicy, methods, comment }) => ({
    fullName,
    name,
    comment,
    defaultPolicy: plainOption(defaultPolicy),
    methods: methods.map(plainMethod),
  }));
  return {
    types: [...types].sort(([a], [b]) => (a < b ? -1 : 1)),
    services: services.sort((a, b) => (a.fullName < b.fullName ? -1 : 1)),
  };
}

/** A message has no list of its extensions, so the numbers that the fixtures use are tried. */
function fieldsOf(message: MessageDescriptor): readonly FieldDescriptor[] {
  const extensions = [5, 100, 101, 102].map((number) => message.field(number)).filter((field) => field?.extension);
  return [...message.fields, ...(extensions as FieldDescriptor[])];
}

function plainMessage(message: MessageDescriptor) {
  return {
    kind: message.kind,
    fullName: message.fullName,
    name: message.name,
    messageSet: message.messageSet,
    comment: message.comment,
    oneofs: message.oneofs.map(({ name, fields }) => ({ name, fields: fields.map((field) => field.name) })),
    fields: fieldsOf(message).map(plainField),
  };
}

function plainField(field: FieldDescriptor) {
  const {
    type,
    name,
    jsonName,
    number,
    fullName,
    cardinality,
    mapKey,
    presence,
    packed,
    validateUtf8,
    extension,
    deprecated,
    behavior,
    defaultText,
    comment,
  } = field;
  const plainType =
    type.kind === 'scalar'
      ? type.scalar
      : type.kind === 'enum'
        ? type.enum.fullName
        : [type.message.fullName, type.delimited];
  return {
    name,
    jsonName,
    number,
    fullName,
    cardinality,
    mapKey,
    presence,
    packed,
    validateUtf8,
    extension,
    deprecated,
    comment,
    behavior: [...behavior],
    defaultText,
    type: plainType,
    parent: field.parent.fullName,
    oneof: field.oneof?.name,
  };
}

function plainEnum({ fullName, name, values, closed, comment }: EnumDescriptor) {
  return { fullName, name, closed, comment, values: values.map((value) => [value.name, value.number, value.comment]) };
}

function plainMethod({
  name,
  fullName,
  path,
  input,
  output,
  clientStreaming,
  serverStreaming,
  idempotency,
  deprecated,
  httpRule,
  policy,
  aggregate,
  comment,
}: MethodDescriptor) {
  return {
    name,
    fullName,
    path,
    input: input.fullName,
    output: output.fullName,
    clientStreaming,
    serverStreaming,
    idempotency,
    deprecated,
    comment,
    httpRule: withoutPlaces(httpRule satisfies HttpRule | undefined),
    policy: plainOption(policy),
    aggregate: plainOption(aggregate),
  };
}

function withoutPlaces(value: unknown): unknown {
  if (value === undefined) return undefined;
  return JSON.parse(
    JSON.stringify(value, (key, inner: unknown) => (key === 'position' || key === 'positions' ? undefined : inner)),
  );
}
