/**
 * This module writes the JSON of one message, with what its framing puts around it. The JSON of a small message is returned
 * at once. Beyond a MiB it is written in parts, and the event loop has a turn between them, so that a large answer does not
 * stop others.
 */
import { nextTurn } from '../base/turns.js';
import type { UnfinishedJson } from '../codec/codec.js';
import { JsonWriter } from '../codec/json-writer.js';
import { Indenter } from './indent.js';

/** The options for the JSON of a message. */
export interface JsonForm {
  /** The level of indentation of the message. Undefined for compact JSON. */
  readonly level?: number | undefined;
  /** Writes the text before the message. */
  readonly before?: (out: JsonWriter) => void;
  /** Writes the text after the message. */
  readonly after?: (out: JsonWriter) => void;
  /**
   * Runs between two parts of a large message, with the number of bytes that were written since it ran last. The next part
   * is written when it resolves, and never if it throws.
   */
  readonly between?: ((written: number) => Promise<void> | undefined) | undefined;
}

/** Begins to write a message. Returns the rest, or undefined if there is none. */
export type BeginJson = (out: JsonWriter) => UnfinishedJson | undefined;

/**
 * All answers share these writers, because nothing is awaited while one is in use. The rest of a large answer gets its own
 * writer.
 */
const OUT = new JsonWriter();
const COMPACT = new JsonWriter();

/**
 * Returns the JSON of a message, with the text before and after it. Throws a StatusError (502) for indented JSON of more than
 * `maxBytes`; `begin` throws it for compact JSON.
 */
export function jsonAnswer(begin: BeginJson, form: JsonForm, maxBytes: number): Uint8Array | Promise<Uint8Array> {
  const { level, before, after } = form;
  let rest: UnfinishedJson | undefined;
  const text = OUT.collect((out) => {
    before?.(out);
    rest = level === undefined ? begin(out) : beginIndented(begin, level, out, maxBytes);
    if (rest === undefined) after?.(out);
  });
  return rest === undefined ? text : finish(rest, form);
}

async function finish(rest: UnfinishedJson, { after, between }: JsonForm): Promise<Uint8Array> {
  let counted = 0;
  do {
    const { length } = rest.out;
    await between?.(length - counted);
    counted = length;
    await nextTurn();
  } while (!rest.more());
  return rest.out.collect((out) => after?.(out));
}

function beginIndented(begin: BeginJson, level: number, out: JsonWriter, maxBytes: number): UnfinishedJson | undefined {
  let compact: UnfinishedJson | undefined;
  const json = COMPACT.collect((into) => {
    compact = begin(into);
  });
  const indented = new IndentedJson(compact ?? json, level, out, maxBytes);
  if (compact === undefined && indented.more()) return undefined;
  indented.out = out.handOver();
  return indented;
}

/** JSON that is written as compact text first and indented then. */
class IndentedJson implements UnfinishedJson {
  private indenter: Indenter | undefined;

  constructor(
    private compact: UnfinishedJson | Uint8Array,
    private readonly level: number,
    public out: JsonWriter,
    private readonly maxBytes: number,
  ) {}

  more(): boolean {
    const { compact, out } = this;
    if (this.indenter === undefined) {
      if (!(compact instanceof Uint8Array)) {
        if (compact.more()) this.compact = compact.out.collect(() => {});
        return false;
      }
      this.indenter = new Indenter(compact, this.level);
      out.limit(this.maxBytes);
    }
    if (!this.indenter.more(out)) return false;
    out.endLimit();
    return true;
  }
}
