/**
 * Makes random UUIDs of version 4 (RFC 9562 §5.4) and other random ids. Bytes for many are drawn at once, because every request
 * needs some.
 */
import { randomFillSync } from 'node:crypto';

const ID_BYTES = 16;
const drawn = Buffer.alloc(ID_BYTES * 256);
let at = drawn.length;
/** The text of the UUID that was made last. Its fixed characters stay, and each new UUID overwrites the digits. */
const text = Buffer.from('00000000-0000-4000-8000-000000000000');
/** For each byte of a UUID, the offset of the first of its two digits in the text. */
const PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const DIGITS = Buffer.from('0123456789abcdef');

/** Returns a UUID that cannot be guessed. */
export function randomId(): string {
  draw(ID_BYTES);
  for (let i = 0; i < ID_BYTES; i++) {
    let byte = drawn[at++]!;
    if (i === 6) byte = (byte & 0x0f) | 0x40;
    else if (i === 8) byte = (byte & 0x3f) | 0x80;
    const place = PLACES[i]!;
    text[place] = DIGITS[byte >> 4]!;
    text[place + 1] = DIGITS[byte & 15]!;
  }
  return text.toString('latin1');
}

/** Returns so many random bytes, at most 16, as hexadecimal digits. */
export function randomDigits(bytes: number): string {
  draw(bytes);
  at += bytes;
  return drawn.toString('hex', at - bytes, at);
}

/** Draws new bytes if fewer than so many are left. */
function draw(bytes: number): void {
  if (at + bytes <= drawn.length) return;
  randomFillSync(drawn);
  at = 0;
}
