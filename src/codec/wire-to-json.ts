/**
 * This module converts the wire format to JSON, from bytes to bytes, in one pass. The fields are written in the order of their
 * declaration, and extensions after them. It stops after about a MiB of JSON, so that other requests can run, and continues
 * when it is called again.
 */
import type { FieldMask } from './field-mask.js';
import type { JsonWriter } from './json-writer.js';
import { BrokenWire } from './wire-reader.js';
import { moreFields, morePacked } from './write-fields.js';
import { Step, type WriteFrame } from './write-frame.js';
import { WriteMachine } from './write-machine.js';
import { morePaths, writeMessage } from './write-message.js';
import { moreSpans } from './write-order.js';
import type { FieldPlan, MessagePlan, WritePlans } from './write-plan.js';

/** The message to write. If `only` is given, the value of this field is the whole JSON; that of an omitted field is null. */
export interface WriteTask {
  readonly plan: MessagePlan;
  readonly only: FieldPlan | 'omitted' | undefined;
  readonly wire: Uint8Array;
  readonly mask: FieldMask | undefined;
  /** The most levels of nested messages. */
  readonly depth: number;
}

export class WireToJson {
  private readonly machine: WriteMachine;
  private task: WriteTask | undefined;
  /** The length of the text in the writer before the message. */
  private before = 0;

  constructor(plans: WritePlans) {
    this.machine = new WriteMachine(plans);
  }

  /** Begins to write the message of a task. Its JSON goes to `out`. */
  begin(task: WriteTask, out: JsonWriter): void {
    this.task = task;
    this.before = out.length;
    this.machine.begin(task.wire, out);
    this.push(task);
  }

  /** Lets the rest of the JSON go to another writer, which has the text so far. */
  moveTo(out: JsonWriter): void {
    this.machine.out = out;
  }

  /** Writes the next part. Returns true when all is written. Throws BrokenWire if the bytes are not a message of the type. */
  more(): boolean {
    const { machine } = this;
    machine.refresh();
    try {
      while (machine.count > 0) {
        step(machine, machine.frame);
        if (machine.isTired && machine.count > 0) return false;
      }
      return true;
    } catch (error) {
      if (!(error instanceof BrokenWire) || machine.isCareful || this.task === undefined) throw error;
      this.beginCarefully(this.task);
      return false;
    }
  }

  /**
   * Begins the message again, with its fields put in order first, after a value could not be written. Such a value does not
   * matter if the upstream sent another value for the same field behind it, because the last one counts.
   */
  private beginCarefully(task: WriteTask): void {
    const { machine } = this;
    const { out } = machine;
    machine.release();
    out.cut(this.before);
    machine.begin(task.wire, out);
    machine.isCareful = true;
    this.push(task);
  }

  private push({ plan, only, wire, mask, depth }: WriteTask): void {
    if (only === undefined) writeMessage(this.machine, plan, 0, wire.length, depth, mask);
    else if (only === 'omitted') this.machine.out.ascii('null');
    else this.machine.pushFields(plan, 0, wire.length, depth, mask, only);
  }

  /** Forgets the task. */
  release(): void {
    this.task = undefined;
    this.machine.release();
  }
}

function step(machine: WriteMachine, frame: WriteFrame): void {
  switch (frame.step) {
    case Step.FIELDS:
      return moreFields(machine, frame);
    case Step.ORDER:
      return moreSpans(machine, frame);
    case Step.PACKED:
      return morePacked(machine, frame);
    case Step.TEXT:
      return machine.moreText(frame);
    case Step.BYTES:
      return machine.moreBytes(frame);
    case Step.PATHS:
      return morePaths(machine, frame);
    default:
      machine.out.byte(frame.close);
      machine.pop();
  }
}
