/** This module writes Timestamp and Duration as JSON strings. */
import type { JsonWriter } from './json-writer.js';
import { BrokenWire, WIRE_VARINT, type WireReader } from './wire-reader.js';

const SECONDS = (1 << 3) + WIRE_VARINT;
const NANOS = (2 << 3) + WIRE_VARINT;

/** The value of a Timestamp or Duration. Its pieces are read one after the other. */
export class Seconds {
  seconds = 0;
  nanos = 0;

  clear(): this {
    this.seconds = 0;
    this.nanos = 0;
    return this;
  }

  /** Reads the piece that is the reader's range. A value that is in it replaces an earlier one. */
  read(reader: WireReader): void {
    while (reader.at < reader.end) {
      const tag = reader.tag();
      reader.skip(tag, 1);
      if (tag === SECONDS) this.seconds = (reader.high | 0) * 0x1_0000_0000 + reader.low;
      else if (tag === NANOS) this.nanos = reader.low | 0;
    }
  }
}

/** The seconds of 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, which are the limits of a Timestamp. */
const MIN_TIMESTAMP = -62_135_596_800;
const MAX_TIMESTAMP = 253_402_300_799;
const MAX_DURATION = 315_576_000_000;
const MAX_NANOS = 999_999_999;

export function writeTimestamp({ seconds, nanos }: Seconds, out: JsonWriter): void {
  if (seconds < MIN_TIMESTAMP || seconds > MAX_TIMESTAMP || nanos < 0 || nanos > MAX_NANOS) {
    throw new BrokenWire(`Timestamp out of range: ${seconds} s, ${nanos} ns`);
  }
  const day = Math.floor(seconds / 86_400);
  const second = seconds - day * 86_400;
  out.byte(QUOTE);
  writeDate(day, out);
  out.byte(0x54);
  out.padded((second / 3600) | 0, 2);
  out.byte(COLON);
  out.padded(((second / 60) | 0) % 60, 2);
  out.byte(COLON);
  out.padded(second % 60, 2);
  writeFraction(nanos, out);
  out.byte(0x5a);
  out.byte(QUOTE);
}

/** EPOCH_DAYS is the number of days from 0000-03-01 to 1970-01-01, and ERA_DAYS the number of days in 400 years. */
const EPOCH_DAYS = 719_468;
const ERA_DAYS = 146_097;

/**
 * Writes a date such as `2026-11-30`. `day` counts from 1970-01-01. The calculation uses years that begin in March, so
 * that a leap day is the last day of its year.
 */
function writeDate(day: number, out: JsonWriter): void {
  const days = day + EPOCH_DAYS;
  const era = Math.floor(days / ERA_DAYS);
  const dayOfEra = (days - era * ERA_DAYS) | 0;
  const yearOfEra =
    ((dayOfEra - ((dayOfEra / 1460) | 0) + ((dayOfEra / 36_524) | 0) - ((dayOfEra / 146_096) | 0)) / 365) | 0;
  const dayOfYear = dayOfEra - (365 * yearOfEra + ((yearOfEra / 4) | 0) - ((yearOfEra / 100) | 0));
  const fromMarch = ((5 * dayOfYear + 2) / 153) | 0;
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  out.padded(era * 400 + yearOfEra + (month <= 2 ? 1 : 0), 4);
  out.byte(DASH);
  out.padded(month, 2);
  out.byte(DASH);
  out.padded(dayOfYear - (((153 * fromMarch + 2) / 5) | 0) + 1, 2);
}

export function writeDuration({ seconds, nanos }: Seconds, out: JsonWriter): void {
  const mixed = (seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0);
  if (Math.abs(seconds) > MAX_DURATION || Math.abs(nanos) > MAX_NANOS || mixed) {
    throw new BrokenWire(`Duration out of range: ${seconds} s, ${nanos} ns`);
  }
  out.byte(QUOTE);
  if (seconds < 0 || nanos < 0) out.byte(DASH);
  out.integer(Math.abs(seconds));
  writeFraction(Math.abs(nanos), out);
  out.byte(0x73);
  out.byte(QUOTE);
}

/** Writes the fraction of a second with no, 3, 6 or 9 digits. */
function writeFraction(nanos: number, out: JsonWriter): void {
  if (nanos === 0) return;
  out.byte(0x2e);
  if (nanos % 1_000_000 === 0) out.padded(nanos / 1_000_000, 3);
  else if (nanos % 1000 === 0) out.padded(nanos / 1000, 6);
  else out.padded(nanos, 9);
}

const QUOTE = 0x22;
const DASH = 0x2d;
const COLON = 0x3a;
