/** Builds descriptors by hand, for tests of rules that depend on fields and positions and not on how a schema is loaded. */
import type { Position } from '../../src/base/diagnostic.js';
import type { HttpRule } from '../../src/schema/annotations.js';
import type {
  EnumDescriptor,
  FieldDescriptor,
  FieldType,
  MessageDescriptor,
  MethodDescriptor,
} from '../../src/schema/descriptor.js';

const position: Position = { file: 'test.proto', line: 1, column: 1 };

export interface FieldSpec {
  /** The type is a function, so that messages can contain each other, or fail to link. */
  readonly type: () => FieldType;
  readonly cardinality?: FieldDescriptor['cardinality'];
  readonly jsonName?: string;
  readonly extension?: boolean;
}

export function messageOf(
  fullName: string,
  specs: readonly (readonly [name: string, spec: FieldSpec])[],
): MessageDescriptor {
  const fields: FieldDescriptor[] = [];
  const message: MessageDescriptor = {
    kind: 'message',
    fullName,
    name: fullName.slice(fullName.lastIndexOf('.') + 1),
    fields,
    oneofs: [],
    extensions: [],
    field: (number) => fields[number - 1],
    fieldNamed: (name) => fields.find((field) => field.name === name || field.jsonName === name),
    messageSet: false,
    comment: undefined,
    documentOptions: () => new Map(),
    position,
  };
  for (const [name, { type, cardinality = 'singular', jsonName = name, extension = false }] of specs) {
    fields.push({
      name,
      jsonName,
      number: fields.length + 1,
      fullName: `${fullName}.${name}`,
      parent: message,
      cardinality,
      get type() {
        return type();
      },
      mapKey: cardinality === 'map' ? 'string' : undefined,
      presence: 'implicit',
      packed: false,
      validateUtf8: true,
      oneof: undefined,
      extension,
      deprecated: false,
      behavior: [],
      defaultText: undefined,
      comment: undefined,
      documentOptions: () => new Map(),
      position,
    });
  }
  return message;
}

export const STRING = (): FieldType => ({ kind: 'scalar', scalar: 'string' });

const KIND: EnumDescriptor = {
  kind: 'enum',
  fullName: 'test.Kind',
  name: 'Kind',
  values: [],
  nameOf: () => undefined,
  numberOf: () => undefined,
  closed: false,
  comment: undefined,
  documentOptions: () => new Map(),
  position,
};

export const ENUM = (): FieldType => ({ kind: 'enum', enum: KIND });

export function methodOf(input: MessageDescriptor, output: MessageDescriptor): MethodDescriptor {
  return {
    name: 'Do',
    fullName: 'test.Service/Do',
    path: '/test.Service/Do',
    service: {
      fullName: 'test.Service',
      name: 'Service',
      file: 'test.proto',
      methods: [],
      defaultPolicy: undefined,
      comment: undefined,
      documentOptions: () => new Map(),
      position,
    },
    input,
    output,
    clientStreaming: false,
    serverStreaming: false,
    idempotency: 'unknown',
    deprecated: false,
    routing: 'routed',
    httpRule: undefined,
    labels: [],
    policy: undefined,
    aggregate: undefined,
    comment: undefined,
    documentOptions: () => new Map(),
    position,
  };
}

/**
 * Returns the rule of a line such as `GET /v1/{id}`: the rule is on line 10, the path on line 11 at column 10, the body on
 * 12, the response body on 13.
 */
export function ruleOf(line: string, rest: Partial<HttpRule> = {}): HttpRule {
  const space = line.indexOf(' ');
  return {
    kind: line.slice(0, space),
    path: line.slice(space + 1),
    body: '',
    responseBody: '',
    additionalBindings: [],
    positions: {
      rule: { file: 'test.proto', line: 10, column: 5 },
      path: { file: 'test.proto', line: 11, column: 10 },
      body: { file: 'test.proto', line: 12, column: 10 },
      responseBody: { file: 'test.proto', line: 13, column: 10 },
    },
    ...rest,
  };
}
