/** A family is a table of hostile cases about one subject, such as the framing of a body or the octets of a header. */
import type { Teardown } from '../support/gateway.js';

export interface Case {
  /** Says what the client or the upstream does. It is unique in its family. */
  readonly fact: string;
  /** Cases of one lane are tried one after the other. Different lanes share nothing and run at once. Default: 0. */
  readonly lane?: number;
  /** Does it, and resolves to the fault of the reaction; undefined if there is none. */
  attempt(): Promise<string | undefined>;
}

export interface Family {
  readonly name: string;
  /** Starts what the cases need until `t` ends, and returns the cases. `isShort`: few of them will be tried. */
  cases(t: Teardown, isShort: boolean): Promise<readonly Case[]>;
}

/** The longest time that an answer may take, in milliseconds. The suite sets more of it, for machines that are busy. */
export const patience = { ms: 1000 };

/** Returns the text, with what is not printable as an escape. Long texts are cut. */
export function shown(text: string): string {
  return JSON.stringify(text.length <= 60 ? text : `${text.slice(0, 40)}… (${text.length})`).replace(
    /[^\x20-\x7e…]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
