/** This module finds out which message types can be inside of others. */
import { type FieldDescriptor, LinkError, type MessageDescriptor, type MethodDescriptor } from './descriptor.js';

/** Returns the messages of a method; none if no file declares one of them, because such a method has no route. */
export function messagesOf(method: MethodDescriptor): readonly MessageDescriptor[] {
  try {
    return [method.input, method.output];
  } catch (error) {
    if (error instanceof LinkError) return [];
    throw error;
  }
}

/** Finds out whether a message, or any message inside of it, has a property that `isHit` tests. Each message is read once. */
export class Reach {
  private readonly known = new Map<MessageDescriptor, boolean>();

  constructor(private readonly isHit: (message: MessageDescriptor) => boolean) {}

  of(message: MessageDescriptor): boolean {
    const known = this.known.get(message);
    if (known !== undefined) return known;
    /** For each message that was met, the messages that contain it. */
    const holders = new Map<MessageDescriptor, MessageDescriptor[]>([[message, []]]);
    const found: MessageDescriptor[] = [];
    // A Map yields the entries that are added while it is read.
    for (const one of holders.keys()) {
      if (this.known.get(one) === true) found.push(one);
      if (this.known.has(one)) continue;
      if (this.isHit(one)) found.push(one);
      for (const field of allFields(one)) {
        const inner = messageIn(field);
        if (inner === undefined) continue;
        const others = holders.get(inner);
        if (others === undefined) holders.set(inner, [one]);
        else others.push(one);
      }
    }
    for (const one of holders.keys()) if (!this.known.has(one)) this.known.set(one, false);
    for (let one = found.pop(); one !== undefined; one = found.pop()) {
      this.known.set(one, true);
      for (const holder of holders.get(one)!) if (this.known.get(holder) !== true) found.push(holder);
      holders.set(one, []);
    }
    return this.known.get(message)!;
  }
}

/** Returns the fields of a message, and its extensions. */
export function allFields({ fields, extensions }: MessageDescriptor): readonly FieldDescriptor[] {
  return extensions.length === 0 ? fields : [...fields, ...extensions];
}

/** Returns the type of a message field. Undefined for other fields, and for a type that no file declares. */
export function messageIn(field: FieldDescriptor): MessageDescriptor | undefined {
  try {
    return field.type.kind === 'message' ? field.type.message : undefined;
  } catch (error) {
    if (error instanceof LinkError) return undefined;
    throw error;
  }
}
