/**
 * This module has the names that a path of a FieldMask may have on a surface that omits fields (docs/surfaces.md). A mask does
 * not say which message it belongs to, so a name is compared with those of all fields.
 */
import { atOnce, type Steps } from '../base/slices.js';
import type { MessageDescriptor, Registry } from './descriptor.js';
import { messageIn, messagesOf } from './message-reach.js';

interface Names {
  readonly visible: ReadonlySet<string>;
  /** The names of map fields. In a path, the part after such a name may be a key. */
  readonly maps: ReadonlySet<string>;
}

export class MaskNames {
  private readonly omitted: ReadonlySet<string>;
  private names: Names | undefined;

  /** `omitted` are the full names of fields. */
  constructor(
    private readonly registry: Registry,
    omitted: ReadonlySet<string>,
  ) {
    this.omitted = new Set([...omitted].map((path) => path.slice(path.lastIndexOf('.') + 1)));
  }

  /**
   * Reads the names of the fields that routed methods take or return. If this was not done before, the first {@link pathOf}
   * does it.
   */
  *read(): Steps<void> {
    this.names ??= yield* namesOf(this.registry);
  }

  pathOf(path: string): 'visible' | 'omitted' | 'unknown' {
    if (this.names === undefined) atOnce(this.read());
    const { visible, maps } = this.names!;
    let isBehindMap = false;
    for (const name of path.split('.')) {
      if (this.omitted.has(name)) return 'omitted';
      // The key of a map may be any text.
      if (!isBehindMap && name !== '*' && !visible.has(name)) return 'unknown';
      isBehindMap ||= maps.has(name);
    }
    return 'visible';
  }
}

function* namesOf({ services }: Registry): Steps<Names> {
  const messages = new Set<MessageDescriptor>();
  for (const { methods } of services) {
    yield;
    for (const method of methods) {
      if (method.routing === 'routed') for (const message of messagesOf(method)) messages.add(message);
    }
  }
  const [visible, maps] = [new Set<string>(), new Set<string>()];
  // A Set also yields elements that are added while it is read.
  for (const { fields } of messages) {
    yield;
    for (const field of fields) {
      visible.add(field.name);
      if (field.cardinality === 'map') maps.add(field.name);
      const inner = messageIn(field);
      if (inner !== undefined) messages.add(inner);
    }
  }
  return { visible, maps };
}
