/**
 * The ReadMachine has the state of one request while its JSON is read: the text, the message so far, and a stack of frames
 * instead of calls. So it can stop between two elements, and go on after other requests have run.
 */
import { JsonScanner } from './json-scanner.js';
import type { KeyBytes } from './key-bytes.js';
import { Close, ReadFrame, type TypeOffsets } from './read-frame.js';
import type { MessagePlan, ReadPlans } from './read-plan.js';
import { SeenStack } from './seen-stack.js';
import { Wire, WireWriter } from './wire-writer.js';

/**
 * If a part takes more than LONG_MS milliseconds, the next parts are smaller. If it takes less than SHORT_MS, they are larger.
 */
const LONG_MS = 20;
const SHORT_MS = 8;
/** The smallest part that is read without a pause, in bytes of JSON. */
const LEAST_BYTES = 1 << 15;
/**
 * When a length is written before its part, the bytes of the part may have to be moved. 2^7 of them count as one byte of JSON.
 */
const MOVED_SHIFT = 7;

/** The type of an Any: its URL, the URL as a JSON string, and the plan of the message type. */
export interface AnyType {
  readonly url: Uint8Array;
  readonly quoted: KeyBytes;
  readonly plan: MessagePlan;
}

export class ReadMachine {
  readonly scanner: JsonScanner;
  readonly writer = new WireWriter();
  readonly seen = new SeenStack();
  /** The offsets of the values of all `@type` keys that were found in the current text. */
  typeOffsets: TypeOffsets | undefined;
  lastType: AnyType | undefined;
  /** The number of frames on the stack. */
  count = 0;
  /** The frame on top. */
  frame = new ReadFrame();
  /** The offset at which other requests should run. */
  stop = 0;
  private partBytes: number;
  private begunAt = 0;
  private readonly frames: ReadFrame[] = [];

  constructor(
    readonly plans: ReadPlans,
    maxDepth: number,
    /** The largest number of bytes of JSON that are read before other requests run. */
    private readonly mostBytes: number,
  ) {
    this.partBytes = mostBytes;
    this.scanner = new JsonScanner(maxDepth);
  }

  /** Begins to read a text. */
  begin(json: Uint8Array): void {
    this.writer.reset();
    this.partBytes = this.mostBytes;
    this.scanner.start(json);
    this.refresh();
  }

  /** Starts a new part of the work: sets the offset at which the machine stops, so that other requests can run. */
  refresh(): void {
    this.stop = this.scanner.pos + this.partBytes;
    // A text that is read in one part needs no clock.
    if (this.stop < this.scanner.end) this.begunAt = performance.now();
  }

  /** Ends a part. The next ones are smaller if it took long: the machine may be slow, or V8 has not compiled the code yet. */
  rest(): void {
    const took = performance.now() - this.begunAt;
    if (took > LONG_MS) this.partBytes = Math.max(Math.min(LEAST_BYTES, this.mostBytes), this.partBytes >>> 1);
    else if (took < SHORT_MS) this.partBytes = Math.min(this.mostBytes, this.partBytes * 2);
  }

  /** Goes back to `offset`, to read the text again from there. So these bytes count twice. */
  rewind(offset: number): void {
    this.stop -= this.scanner.pos - offset;
    this.scanner.pos = offset;
  }

  push(step: number, depth: number): ReadFrame {
    let frame = this.frames[this.count];
    if (frame === undefined) {
      frame = new ReadFrame();
      this.frames[this.count] = frame;
    }
    this.count++;
    this.frame = frame;
    frame.step = step;
    frame.depth = depth;
    frame.isFirst = true;
    frame.close = Close.NOTHING;
    frame.inner = -1;
    frame.entry = -1;
    return frame;
  }

  /** Lets the frame on top write, when it ends, the length of the part that began at `part`. */
  closeWithLength(part: number): void {
    this.frame.close = Close.LENGTH;
    this.frame.part = part;
  }

  /** Ends the frame on top, and writes the bytes that end its part of the message. */
  pop(): void {
    const { frame, writer } = this;
    const { close } = frame;
    this.count--;
    if (this.count > 0) this.frame = this.frames[this.count - 1]!;
    if (close === Close.GROUP) writer.tag(frame.number, Wire.END_GROUP);
    else if (close !== Close.NOTHING) {
      const { part, inner } = frame;
      this.stop -= (writer.pos - part) >>> MOVED_SHIFT;
      if (inner >= 0) writer.joinBoth(part, inner);
      else writer.join(part);
      if (close === Close.ITEM) writer.tag(1, Wire.END_GROUP);
    } else if (frame.inner >= 0) writer.join(frame.inner);
    frame.clear();
  }

  /** Forgets the text and everything that was needed for it. */
  release(): void {
    for (let i = 0; i < this.count; i++) this.frames[i]!.clear();
    this.count = 0;
    this.seen.clear();
    this.typeOffsets = undefined;
    this.scanner.release();
  }
}
