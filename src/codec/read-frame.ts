/**
 * A ReadFrame is the state of one JSON object or list that is being read, or of another step that is not finished. The
 * ReadMachine has a stack of them.
 */
import type { BoundEntry, BoundMessage } from './bound.js';
import type { KeyTable } from './key-table.js';
import type { MemberPlan, MessagePlan } from './read-plan.js';

/** The offset of an object's `@type` value, by the offset of the object's `{`. */
export type TypeOffsets = Map<number, number>;

/** The next step of a frame. */
export const Step = {
  /** Read the members of an object. */
  OBJECT: 0,
  /** Read the scalars of a list. */
  SCALARS: 1,
  /** Read the messages of a list. */
  MESSAGES: 2,
  /** Read the entries of a map. */
  MAP: 3,
  /** Read the members of a Struct. */
  STRUCT: 4,
  /** Read the elements of a ListValue. */
  LIST: 5,
  /** Find the type of an Any, read its value, or end it. */
  ANY: 6,
  /** Read the members of an Any whose value is under the key `value`, as for a Timestamp. */
  ANY_VALUE: 7,
  SKIP_OBJECT: 8,
  SKIP_LIST: 9,
  /** Compare the value that was read for a field with the value that is bound to it. */
  AGAINST: 10,
  /** Compare a message whose JSON is not an object of its fields with the values that are bound to it. */
  AGAINST_MESSAGE: 11,
  /** Check that nothing comes after the value, and end the message. */
  END: 12,
} as const;

/** The next step of an Any. */
export const AnyState = {
  /** Read the first key. */
  BEGIN: 0,
  /** Use the type that was found behind other keys. */
  FOUND: 1,
  /** End the value. */
  VALUE: 2,
} as const;

/** The bytes that are written when a frame ends. */
export const Close = {
  NOTHING: 0,
  /** The length in front of the part. */
  LENGTH: 1,
  /** The end of a group. */
  GROUP: 2,
  /** The length, and the end of an item of a message set. */
  ITEM: 3,
} as const;

/** Frames are used again for other objects, so each step sets the fields that it uses. */
export class ReadFrame {
  step: number = Step.END;
  /** The number of objects and lists around this one. */
  depth = 0;
  /** True until the first element or member has been read. */
  isFirst = true;
  close: number = Close.NOTHING;
  /** The offset in the message of the part whose length is written when the frame ends. */
  part = 0;
  /** The offset of a second part inside of that part, whose length is written too; -1 if there is none. */
  inner = -1;
  /** The number of a group. For an Any, the position of the writer before its value. */
  number = 0;
  /** The start of the map entry or of the Any value that is being read; -1 between two entries. */
  entry = -1;
  /** The offset of the opening bracket, or of the value that is compared. */
  start = 0;
  /** The offset of the object's first slot in the {@link SeenStack}. */
  base = 0;
  /** The {@link AnyState}, or the position of the writer before a value that is compared. */
  state = 0;
  /** True if the object is the value of an Any, so that it may have the key `@type`. */
  inAny = false;
  /** `hasType` and `hasValue` are true if these keys of an Any, `@type` and `value`, have been read. */
  hasType = false;
  hasValue = false;
  plan: MessagePlan | undefined;
  /** The field of a list or map, or the member of an object that is probably next. */
  member: MemberPlan | undefined;
  bound: BoundMessage | undefined;
  against: Exclude<BoundEntry, { kind: 'message' }> | undefined;
  /** The keys that have no bit in the SeenStack: unknown keys and extensions. */
  private others: Set<unknown> | undefined;
  keys: KeyTable | undefined;
  types: TypeOffsets | undefined;

  /** Records a key that has no bit in the SeenStack. Returns false if it was recorded before. */
  addOther(key: unknown): boolean {
    this.others ??= new Set();
    const isNew = !this.others.has(key);
    this.others.add(key);
    return isNew;
  }

  /** Drops the references to the data of a request. */
  clear(): void {
    if (this.bound !== undefined) this.bound = undefined;
    if (this.others !== undefined) this.others = undefined;
    if (this.types !== undefined) this.types = undefined;
    if (this.against !== undefined) this.against = undefined;
  }
}
