/**
 * The WriteMachine has the state of one answer while it is written as JSON: its bytes, the JSON so far, and a stack of frames
 * instead of calls. So it can stop between two records, and go on after other requests have run.
 */
import { isUtf8 } from 'node:buffer';
import type { FieldMask } from './field-mask.js';
import { JsonWriter } from './json-writer.js';
import { KeyTables } from './key-table.js';
import { BrokenWire } from './wire-reader.js';
import { WireSource } from './wire-source.js';
import { Step, WriteFrame } from './write-frame.js';
import type { FieldPlan, MessagePlan, WritePlans } from './write-plan.js';

/** The numbers of records and of bytes of JSON that are written before other requests run. */
const RECORDS = 1 << 18;
const TEXT_BYTES = 1 << 20;
/** Strings and bytes that have more bytes than this are written in pieces, so that the machine can stop in between. */
const LONG = 1 << 16;
/** In a long text, 2^4 bytes count as one record. */
const TEXT_SHIFT = 4;

export class WriteMachine extends WireSource {
  /** The number of frames on the stack. */
  count = 0;
  /** True if the fields of all messages are put in order before they are written. */
  isCareful = false;
  /** The number of records that may still be read before the machine stops. */
  left = 0;
  readonly tables = new KeyTables();
  private mostText = 0;
  private readonly frames: WriteFrame[] = [];
  private lastUrl: Buffer = Buffer.alloc(0);
  private lastType: MessagePlan | undefined;

  out: JsonWriter = NO_WRITER;

  constructor(readonly plans: WritePlans) {
    super();
  }

  /** Begins with a message that will be written to `out`. */
  begin(wire: Uint8Array, out: JsonWriter): void {
    this.out = out;
    this.isCareful = false;
    this.open(wire);
  }

  /**
   * Starts a new part of the work: sets the number of records after which the machine stops, so that other requests can
   * run.
   */
  refresh(): void {
    this.left = RECORDS;
    this.mostText = this.out.length + TEXT_BYTES;
  }

  /** True if other requests should run now. */
  get isTired(): boolean {
    return this.left < 0 || this.out.length >= this.mostText;
  }

  /** Counts a record. Returns true if other requests should run before it. */
  countRecord(): boolean {
    const left = --this.left;
    return left < 0 || ((left & 63) === 0 && this.out.length >= this.mostText);
  }

  get frame(): WriteFrame {
    return this.frames[this.count - 1]!;
  }

  /** The frame below the one on top. */
  get parent(): WriteFrame {
    return this.frames[this.count - 2]!;
  }

  push(step: number, at: number, end: number): WriteFrame {
    let frame = this.frames[this.count];
    if (frame === undefined) {
      frame = new WriteFrame();
      this.frames[this.count] = frame;
    }
    this.count++;
    frame.step = step;
    frame.start = at;
    frame.at = at;
    frame.end = end;
    frame.span = this.top;
    frame.spanEnd = this.top;
    frame.base = this.top;
    return frame;
  }

  pop(): void {
    const { frame } = this;
    this.top = frame.base;
    frame.clear();
    this.count--;
  }

  /**
   * Writes the opening bracket, and pushes a frame for the fields of a message whose content is the range from `start` to
   * `end`.
   */
  pushMessage(plan: MessagePlan, start: number, end: number, depth: number, mask: FieldMask | undefined): void {
    this.out.byte(OPEN);
    this.pushFields(plan, start, end, depth, mask).close = CLOSE;
  }

  /**
   * Pushes a frame for the fields of a message, without an opening bracket. `only` is the field whose value is the whole JSON.
   * If `following` is true, a comma comes before the first key.
   */
  pushFields(
    plan: MessagePlan,
    start: number,
    end: number,
    depth: number,
    mask: FieldMask | undefined,
    only?: FieldPlan,
    following = false,
  ): WriteFrame {
    if (depth <= 0) throw new BrokenWire('nested too deep');
    const frame = this.push(Step.FIELDS, start, end);
    frame.plan = plan;
    frame.only = only;
    frame.mask = mask;
    frame.depth = depth;
    frame.text = this.out.length;
    frame.following = following;
    frame.comma = following;
    frame.close = 0;
    frame.last = undefined;
    frame.next = 0;
    frame.open = 0;
    frame.ordered = false;
    plan.prepare();
    if (plan.unordered || this.isCareful) this.orderFirst(frame);
    return frame;
  }

  /**
   * Pushes a frame for a message that came in several pieces: the spans from `from` on. They and the other spans above `base`
   * are dropped when the frame ends.
   */
  pushPieces(
    plan: MessagePlan,
    from: number,
    base: number,
    depth: number,
    mask: FieldMask | undefined,
    only?: FieldPlan,
    following = false,
  ): WriteFrame {
    const frame = this.pushFields(plan, 0, 0, depth, mask, only, following);
    this.orderFirst(frame);
    frame.span = from;
    frame.base = base;
    return frame;
  }

  /** Lets the fields of the frame's message be put in order before they are written. */
  orderFirst(frame: WriteFrame): void {
    this.top = frame.base;
    if (frame.start < frame.end) this.addSpan(0, frame.start, frame.end);
    frame.span = frame.base;
    frame.spanEnd = this.top;
    frame.step = Step.ORDER;
    frame.at = 0;
    frame.end = 0;
    frame.growing = undefined;
    frame.inOrder = !frame.plan!.scattered;
  }

  /** Returns the plan of the message type that a type URL in the source names. Undefined if the schema does not have it. */
  typeAt(start: number, end: number): MessagePlan | undefined {
    const { bytes, lastUrl } = this;
    // Lists of Any mostly have one type.
    if (lastUrl.length !== end - start || lastUrl.compare(bytes, start, end) !== 0) {
      this.lastUrl = Buffer.from(bytes.subarray(start, end));
      const url = this.lastUrl.toString('latin1');
      const slash = url.lastIndexOf('/');
      const message = slash < 0 ? undefined : this.plans.registry.message(url.slice(slash + 1));
      this.lastType = message && this.plans.of(message);
    }
    return this.lastType;
  }

  /** Forgets the message, and everything that was needed for it. */
  release(): void {
    while (this.count > 0) {
      this.count--;
      this.frames[this.count]!.clear();
    }
    this.tables.reset();
    this.out = NO_WRITER;
    this.close();
  }

  /** Writes text from the source, which must be UTF-8. Long text is left to a frame. */
  text(start: number, end: number, validateUtf8: boolean): void {
    const { out, bytes } = this;
    if (end - start > LONG && isUtf8(bytes.subarray(start, end))) {
      out.byte(QUOTE);
      this.push(Step.TEXT, start, end);
    } else if (!out.utf8(bytes, start, end, this.view)) {
      if (validateUtf8) throw new BrokenWire(`string of invalid UTF-8 at byte ${start}`);
      out.string(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8'));
    }
  }

  /** Writes bytes as base64. Long bytes are left to a frame. */
  base64(start: number, end: number): void {
    this.out.byte(QUOTE);
    if (end - start > LONG) this.push(Step.BYTES, start, end);
    else {
      this.out.base64(this.bytes, start, end);
      this.out.byte(QUOTE);
    }
  }

  /** Goes on with long text. */
  moreText(frame: WriteFrame): void {
    const stop = Math.min(frame.end, frame.at + LONG);
    this.out.text(this.bytes, frame.at, stop, this.view);
    this.passed(frame, stop);
  }

  /** Goes on with long bytes. The pieces have a multiple of three bytes, so that none of them needs padding in between. */
  moreBytes(frame: WriteFrame): void {
    const stop = Math.min(frame.end, frame.at + LONG - (LONG % 3));
    this.out.base64(this.bytes, frame.at, stop);
    this.passed(frame, stop);
  }

  private passed(frame: WriteFrame, stop: number): void {
    this.left -= (stop - frame.at) >>> TEXT_SHIFT;
    frame.at = stop;
    if (stop < frame.end) return;
    this.out.byte(QUOTE);
    this.pop();
  }
}

const NO_WRITER = new JsonWriter();
const OPEN = 0x7b;
const CLOSE = 0x7d;
const QUOTE = 0x22;
