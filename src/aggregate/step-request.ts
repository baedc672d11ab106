/**
 * This module turns the `with` entries of a step into the bytes of its request. Each entry assigns a value to a field, also to
 * a field inside of a message:
 *
 *     with: "filter.customer = request.customer"  with: "page_size = 5"
 *     → ListOrdersRequest { 1: filter { 2: <customer> }, 3: 5 }
 */

import { writeFieldValues } from '../codec/field-values.js';
import { WireWriter } from '../codec/wire-writer.js';
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';
import type { Node } from './answer-draft.js';
import type { Read, Scope } from './reads.js';

interface Assignment {
  readonly field: FieldDescriptor;
  /** A value, or the assignments inside of a message. */
  readonly value: Read<readonly Uint8Array[]> | Assignment[];
}

/** The writer for all requests. `bytes` returns a copy of its bytes, and does not `await` while it uses it. */
const OUT = new WireWriter();

export class StepRequest {
  private readonly assignments: Assignment[] = [];

  constructor(readonly message: MessageDescriptor) {}

  /**
   * Adds an assignment. Returns false if the field, a part of it, a message around it or another member of its oneof is
   * already assigned.
   */
  assign(path: readonly FieldDescriptor[], value: Read<readonly Uint8Array[]>): boolean {
    let level = this.assignments;
    for (const [index, field] of path.entries()) {
      const known = level.find((assignment) => assignment.field === field);
      if (index === path.length - 1) {
        if (known !== undefined || takesOneof(level, field)) return false;
        level.push({ field, value });
        return true;
      }
      if (known === undefined) {
        if (takesOneof(level, field)) return false;
        const inside: Assignment[] = [];
        level.push({ field, value: inside });
        level = inside;
      } else if (typeof known.value === 'function') return false;
      else level = known.value;
    }
    return false;
  }

  /** Returns the request's bytes. Throws MissingPart or StatusError for a value that cannot be read. */
  bytes(scope: Scope, each: Node | undefined): Uint8Array {
    OUT.reset();
    write(OUT, this.assignments, scope, each);
    return OUT.slice();
  }
}

function takesOneof(level: readonly Assignment[], { oneof }: FieldDescriptor): boolean {
  return oneof !== undefined && level.some(({ field }) => field.oneof === oneof);
}

function write(writer: WireWriter, level: readonly Assignment[], scope: Scope, each: Node | undefined): void {
  for (const { field, value } of level) {
    if (typeof value === 'function') {
      writeFieldValues(writer, field, value(scope, each));
      continue;
    }
    const before = writer.pos;
    const delimited = field.type.kind === 'message' && field.type.delimited;
    writer.tag(field.number, delimited ? 3 : 2);
    const start = delimited ? writer.pos : writer.fork();
    write(writer, value, scope, each);
    if (writer.pos === start) writer.pos = before;
    else if (delimited) writer.tag(field.number, 4);
    else writer.join(start);
  }
}
