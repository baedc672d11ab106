/**
 * This module prepares what is needed to read objects of one message type: the members by the names that a client may
 * use, and a number for each member, so that the members in an object are recorded as bits.
 */
import type { FieldDescriptor, MessageDescriptor } from '../../../../src/schema/descriptor.js';

/** Reads a field's JSON value and writes the field, tags included. */
export type ReadMember = (depth: number) => void;

export interface MemberPlan {
  readonly field: FieldDescriptor;
  /** The number of its bit. It is -1 for an extension. */
  readonly ordinal: number;
  /** The index of the slot of its oneof. It is -1 if it is in none. */
  readonly oneof: number;
  /** The JSON name in quotes. */
  readonly key: Uint8Array;
  /** The next member in the declaration. It is usually also the next key that a client sends. */
  next: MemberPlan | undefined;
  /** The reader of the member, which is compiled on first use. */
  read: ReadMember | undefined;
}

export class MessagePlan {
  /** The members in the order of declaration, including omitted ones. */
  readonly members: readonly MemberPlan[];
  readonly required: readonly MemberPlan[];
  /** The first member that a client may use. */
  readonly first: MemberPlan | undefined;
  /** The number of slots of an object: those for the bits of the members, and one for each oneof. */
  readonly slots: number;
  private readonly byName = new Map<string, MemberPlan>();
  private readonly byField = new Map<FieldDescriptor, MemberPlan>();
  private readonly omitted: ReadonlySet<string>;

  constructor(
    readonly descriptor: MessageDescriptor,
    omitted: ReadonlySet<string>,
  ) {
    this.omitted = omitted;
    const words = (descriptor.fields.length + 31) >>> 5;
    this.slots = words + descriptor.oneofs.length;
    this.members = descriptor.fields.map((field, ordinal) => {
      const oneof = field.oneof === undefined ? -1 : words + descriptor.oneofs.indexOf(field.oneof);
      return planMember(field, ordinal, oneof);
    });
    this.required = this.members.filter(({ field }) => field.presence === 'required');
    for (const member of this.members) this.byField.set(member.field, member);
    const visible = this.members.filter(({ field }) => !omitted.has(field.fullName));
    this.first = visible[0];
    for (const [index, member] of visible.entries()) {
      member.next = visible[index + 1];
      this.byName.set(member.field.name, member);
    }
    for (const member of visible) this.byName.set(member.field.jsonName, member);
  }

  /** Returns the member with a proto name, a JSON name or a name `[pkg.ext]`. */
  named(name: string): MemberPlan | undefined {
    const member = this.byName.get(name);
    if (member !== undefined || !name.startsWith('[')) return member;
    const extension = this.descriptor.fieldNamed(name);
    if (extension?.extension !== true || this.omitted.has(extension.fullName)) return undefined;
    const planned = this.memberOf(extension);
    this.byName.set(name, planned);
    return planned;
  }

  /** The proto and JSON names that a client may use, without extensions. */
  get names(): readonly string[] {
    return [...this.byName.keys()].filter((name) => !name.startsWith('['));
  }

  memberOf(field: FieldDescriptor): MemberPlan {
    let member = this.byField.get(field);
    if (member === undefined) {
      member = planMember(field, -1, -1);
      this.byField.set(field, member);
    }
    return member;
  }
}

function planMember(field: FieldDescriptor, ordinal: number, oneof: number): MemberPlan {
  const key = Buffer.from(JSON.stringify(field.jsonName));
  return { field, ordinal, oneof, key, next: undefined, read: undefined };
}

/** Records the members that occur in all objects that are currently open. All of them share one array. */
export class SeenStack {
  private slots = new Int32Array(256);
  private top = 0;

  clear(): void {
    this.top = 0;
  }

  /** Adds room for one more object, and returns its base. */
  push(size: number): number {
    const base = this.top;
    this.top += size;
    if (this.top > this.slots.length) {
      const grown = new Int32Array(this.top * 2);
      grown.set(this.slots);
      this.slots = grown;
    }
    this.slots.fill(0, base, this.top);
    return base;
  }

  pop(base: number): void {
    this.top = base;
  }

  has(base: number, ordinal: number): boolean {
    return (this.slots[base + (ordinal >>> 5)]! & (1 << (ordinal & 31))) !== 0;
  }

  add(base: number, ordinal: number): void {
    this.slots[base + (ordinal >>> 5)]! |= 1 << (ordinal & 31);
  }

  /** Returns the number of the member that is set in a oneof; -1 when none is set. */
  holder(base: number, oneof: number): number {
    return this.slots[base + oneof]! - 1;
  }

  hold(base: number, oneof: number, ordinal: number): void {
    this.slots[base + oneof] = ordinal + 1;
  }
}
