/**
 * What reading objects of one message type needs, prepared: members by the names that a client may use, and a numbering
 * by which the members that were seen are kept as bits.
 */
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';

/** Reads a field's JSON value and writes the field, tags included. */
export type ReadMember = (depth: number) => void;

export interface MemberPlan {
  readonly field: FieldDescriptor;
  /** Its bit; -1: an extension. */
  readonly ordinal: number;
  /** The slot of its oneof; -1: it is in none. */
  readonly oneof: number;
  /** The JSON name, quoted. */
  readonly key: Uint8Array;
  /** The member that follows in the declaration: mostly the next key of a client, too. */
  next: MemberPlan | undefined;
  /** Compiled on first use. */
  read: ReadMember | undefined;
}

export class MessagePlan {
  /** In the order of declaration, omitted ones too. */
  readonly members: readonly MemberPlan[];
  readonly required: readonly MemberPlan[];
  /** The first that a client may name. */
  readonly first: MemberPlan | undefined;
  /** Bits of the members, then a slot for each oneof. */
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

  /** By proto name, JSON name, or `[pkg.ext]`. */
  named(name: string): MemberPlan | undefined {
    const member = this.byName.get(name);
    if (member !== undefined || !name.startsWith('[')) return member;
    const extension = this.descriptor.fieldNamed(name);
    if (extension?.extension !== true || this.omitted.has(extension.fullName)) return undefined;
    const planned = this.memberOf(extension);
    this.byName.set(name, planned);
    return planned;
  }

  /** Proto and JSON names that a client may use; of extensions only those are known that somebody has used. */
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

/** Members seen in the objects that are open now: one allocation for all of them. */
export class SeenStack {
  private slots = new Int32Array(256);
  private top = 0;

  clear(): void {
    this.top = 0;
  }

  /** Room for one more object; gives its base. */
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

  /** The ordinal that holds a oneof; -1: none yet. */
  holder(base: number, oneof: number): number {
    return this.slots[base + oneof]! - 1;
  }

  hold(base: number, oneof: number, ordinal: number): void {
    this.slots[base + oneof] = ordinal + 1;
  }
}
