/**
 * This module copies long texts into and out of JSON strings with SIMD instructions, which JavaScript has only in WebAssembly
 * (`text-simd.wat`). WebAssembly reaches only its own memory, so texts are copied there and back in pieces.
 */
import { LETTERS, MEANINGS } from './escapes.js';
import { TEXT_SIMD_CODE } from './text-simd-code.js';

/** Texts with fewer bytes are copied by a loop in JavaScript, which is faster for them. */
export const LONG_TEXT = 1024;
/** The most bytes that are copied at once. */
export const PIECE = 16384;

/** The offsets in the memory, which `text-simd.wat` explains. */
const WITHOUT_BACKSLASHES = 4096;
const MEANINGS_AT = 8192;
const LETTERS_AT = 8448;
const WRITTEN_AT = 8704;
const SOURCE = 16384;
const TARGET = SOURCE + PIECE + 16;

/** The parts of WebAssembly's interface that are used here. Node's types do not have them. */
declare const WebAssembly: {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Exports };
};

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  escape(end: number): number;
  unescape(end: number): number;
}

export class TextSimd {
  private readonly memory: Uint8Array;
  private readonly written: Int32Array;
  private readonly code: Exports;

  /** Throws an error if the machine or the process has no WebAssembly with SIMD. */
  constructor() {
    this.code = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(TEXT_SIMD_CODE, 'base64'))).exports;
    const { buffer } = this.code.memory;
    this.memory = new Uint8Array(buffer);
    this.written = new Int32Array(buffer, WRITTEN_AT, 1);
    this.memory.set(MEANINGS, MEANINGS_AT);
    this.memory.set(LETTERS, LETTERS_AT);
    for (let marked = 0; marked < 256; marked++) {
      this.memory.set(rowOf(marked, true), marked * 16);
      this.memory.set(rowOf(marked, false), WITHOUT_BACKSLASHES + marked * 16);
    }
  }

  /**
   * Returns the text from `from` to `end`, at most PIECE bytes, as a part of a JSON string. It is valid until the next call.
   */
  escape(text: Uint8Array, from: number, end: number): Uint8Array {
    this.memory.set(text.subarray(from, end), SOURCE);
    return this.memory.subarray(TARGET, this.code.escape(SOURCE + end - from));
  }

  /**
   * Reads a part of a JSON string from `from` to `end`, at most PIECE bytes. Returns the offset at which it stopped: at `end`,
   * at a byte that is neither text nor a short escape, or at a backslash before `end`. {@link unescaped} then has the text.
   */
  unescape(json: Uint8Array, from: number, end: number): number {
    this.memory.set(json.subarray(from, end), SOURCE);
    return from + this.code.unescape(SOURCE + end - from) - SOURCE;
  }

  /** Returns the text that {@link unescape} read last. It is valid until the next call. */
  unescaped(): Uint8Array {
    return this.memory.subarray(TARGET, this.written[0]);
  }
}

/** A position that no byte has, so that the place stays empty. */
const NOWHERE = 0xff;

/**
 * Returns one row of a table for the SIMD instruction that rearranges bytes: the positions of eight bytes, without the marked
 * ones or, if `isLonger` is true, with a free place before each marked one. `marked` has a bit for each byte.
 */
function rowOf(marked: number, isLonger: boolean): Uint8Array {
  const row = new Uint8Array(16).fill(NOWHERE);
  let count = 0;
  for (let position = 0; position < 8; position++) {
    const isMarked = (marked & (1 << position)) !== 0;
    if (isMarked && isLonger) count++;
    if (!isMarked || isLonger) row[count++] = position;
  }
  return row;
}

let created: TextSimd | undefined;
let isMissing = false;

/** Returns the code, which is loaded on first use. Undefined if the machine or the process has no WebAssembly with SIMD. */
export function textSimd(): TextSimd | undefined {
  if (created === undefined && !isMissing) {
    try {
      created = new TextSimd();
    } catch {
      isMissing = true;
    }
  }
  return created;
}
