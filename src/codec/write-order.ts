/**
 * This module puts the fields of a message in order: it collects the spans of its fields, sorts them by the order of
 * declaration, and drops those that another member of their oneof has replaced. So fields that an upstream splits, repeats
 * or sends in another order are merged as protobuf defines it.
 *
 *     10 05  0a 01 61  10 06   of { string name = 1; int32 size = 2; }   →   spans of name (2, 5), of size (0, 2), (5, 7)
 */
import type { OneofDescriptor } from '../schema/descriptor.js';
import { Step, type WriteFrame } from './write-frame.js';
import type { WriteMachine } from './write-machine.js';
import type { FieldPlan } from './write-plan.js';
import { isUnknownEnum } from './write-values.js';

/**
 * True if a record of `field` that comes after a record of `last` shows that the fields are not in the order of their
 * declaration, or that two members of a oneof are set.
 */
export function isOutOfOrder(field: FieldPlan, last: FieldPlan): boolean {
  return field.order < last.order || (field.oneof !== undefined && field.oneof === last.oneof);
}

/** Goes on with the collecting of spans. At the end, the frame has the spans of the fields in place of those of its pieces. */
export function moreSpans(machine: WriteMachine, frame: WriteFrame): void {
  const plan = frame.plan!;
  machine.enter(frame.at, frame.end);
  for (;;) {
    if (machine.at >= machine.end) {
      if (frame.span === frame.spanEnd) break;
      machine.enterSpan(frame.span++);
      frame.end = machine.end;
      frame.growing = undefined;
      continue;
    }
    if (--machine.left < 0) {
      frame.at = machine.at;
      return;
    }
    const start = machine.at;
    const tag = machine.tag();
    const field = plan.byNumber[tag >>> 3] ?? plan.of(tag >>> 3);
    const counts =
      field?.accepts(tag & 7) === true &&
      (field.oneof === undefined || !field.closed || !isUnknownEnum(machine, field));
    machine.skip(tag, frame.depth);
    if (!counts) frame.growing = undefined;
    else if (field === frame.growing) machine.extend();
    else {
      machine.addSpan(field.order, start, machine.at);
      const { last } = frame;
      if (last !== undefined && field !== last && isOutOfOrder(field, last)) frame.inOrder = false;
      frame.last = field;
      frame.growing = field;
    }
  }
  const from = frame.spanEnd;
  if (!frame.inOrder) arrange(machine, plan.declared, from);
  frame.step = Step.FIELDS;
  frame.ordered = true;
  frame.span = from;
  frame.spanEnd = machine.top;
  frame.at = 0;
  frame.end = 0;
  frame.last = undefined;
}

function arrange(machine: WriteMachine, declared: readonly FieldPlan[], from: number): void {
  // The member of each oneof that came last, or null once an earlier span of another member was found.
  const holders = new Map<OneofDescriptor, FieldPlan | null>();
  for (let span = machine.top - 1; span >= from; span--) {
    const field = declared[machine.order(span)];
    if (field?.oneof === undefined) continue;
    const holder = holders.get(field.oneof);
    if (holder === undefined) holders.set(field.oneof, field);
    else if (holder !== field) {
      holders.set(field.oneof, null);
      machine.drop(span);
    }
  }
  machine.sort(from);
}
