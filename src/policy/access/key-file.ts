/**
 * This module reads `keys.yaml`, which lists the API keys and their consumers. The file contains SHA-256 digests, never
 * the keys. Error texts show neither keys nor digests.
 *
 *     keys:
 *       - { sha256: "9f86d0…", consumer: acme, plan: free, scopes: [orders.read], expires: 2027-01-01 }
 *
 * `expires` is the first moment at which the key is not valid any more: a bare date is the START of that day in UTC
 * (`2027-01-01`: last valid in 2026), an RFC 3339 timestamp is exact. A consumer may have several keys, so that keys
 * can be rotated.
 */

import { readFileSync, statSync } from 'node:fs';
import { isAlias, isMap, isNode, isScalar, isSeq, Scalar } from 'yaml';
import { type Diagnostic, errorAt, type Position, warningAt } from '../../base/diagnostic.js';
import { didYouMean } from '../../base/did-you-mean.js';
import type { RuleId } from '../../base/rules.js';
import { parseYaml, type YamlText } from '../../base/yaml-text.js';

export interface KeyEntry {
  /** The digest as 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  readonly consumer: string;
  readonly plan?: string;
  readonly scopes: readonly string[];
  /** The time from which the key is refused, in milliseconds since the epoch. Undefined when the key never expires. */
  readonly expiresAtMs: number | undefined;
}

export interface ParsedKeyFile {
  /**
   * The keys of the file. The list is empty if one of the diagnostics is an error: a file with an error is not used at
   * all.
   */
  readonly keys: readonly KeyEntry[];
  readonly diagnostics: readonly Diagnostic[];
}

const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_NAME_CHARS = 128;
const ROOT_FIELDS = ['keys'];
const ENTRY_FIELDS = ['sha256', 'consumer', 'plan', 'scopes', 'expires'];

/** Reads and parses the file. Throws the error of the file system if the file cannot be read. */
export function readKeyFile(file: string): ParsedKeyFile {
  const stats = statSync(file);
  // Reading a pipe or a device could block the process, or never end.
  if (!stats.isFile()) return refused(file, 'expected a regular file');
  if (stats.size > MAX_FILE_BYTES) return refused(file, 'expected at most 4 MiB');
  return parseKeyFile(readFileSync(file, 'utf8'), file);
}

/** Parses the text of a key file. Each diagnostic has its place in `file`. */
export function parseKeyFile(text: string, file: string): ParsedKeyFile {
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) return refused(file, 'expected at most 4 MiB');
  return new KeyFile(text, file).parse();
}

function refused(file: string, text: string): ParsedKeyFile {
  return { keys: [], diagnostics: [errorAt({ file }, 'keys-file', text)] };
}

/** Returns what a value must be if it is something else. Undefined when the value is right. */
type Problem = (text: string) => string | undefined;

/**
 * Returns what a name of a consumer or a plan must be. Undefined when `text` is right. A consumer's name is sent as metadata,
 * where spaces at its ends would be lost.
 */
export function nameProblem(text: string): string | undefined {
  if (text.length <= MAX_NAME_CHARS && /^[!-~](?:[ -~]*[!-~])?$/.test(text)) return undefined;
  return `expected 1 to ${MAX_NAME_CHARS} printable ASCII characters without spaces at the ends`;
}

/**
 * Returns what a scope must be. Undefined when `text` is right. RFC 6749 §3.3 defines the characters; `|` is not allowed,
 * because it separates alternatives in a policy.
 */
export function scopeProblem(text: string): string | undefined {
  if (text.length <= MAX_NAME_CHARS && /^[!#-[\]-{}~]+$/.test(text)) return undefined;
  return `expected one scope: 1 to ${MAX_NAME_CHARS} printable ASCII characters other than space, quotes, backslash and |`;
}

export function expiryProblem(text: string): string | undefined {
  if (parseExpiry(text) !== undefined) return undefined;
  return 'expected a date such as 2027-01-01 (from the start of that day, UTC) or a time such as 2027-01-01T12:00:00Z';
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const CLOCK_TIME = '(?:[01]\\d|2[0-3]):[0-5]\\d';
const RFC_3339 = new RegExp(`^(\\d{4}-\\d{2}-\\d{2})[Tt]${CLOCK_TIME}:[0-5]\\d(?:\\.\\d+)?(?:[Zz]|[+-]${CLOCK_TIME})$`);

/**
 * Returns a date as milliseconds since the epoch. Undefined when the text is neither a date nor an RFC 3339 timestamp.
 */
export function parseExpiry(text: string): number | undefined {
  const day = DATE.test(text) ? text : RFC_3339.exec(text)?.[1];
  if (day === undefined) return undefined;
  const midnightMs = Date.parse(`${day}T00:00:00Z`);
  // JavaScript reads February 30th as March 2nd, so the result is compared with the text.
  if (Number.isNaN(midnightMs) || !new Date(midnightMs).toISOString().startsWith(day)) return undefined;
  return day === text ? midnightMs : Date.parse(text.toUpperCase());
}

function digestProblem(text: string): string | undefined {
  if (/^[0-9a-f]*$/i.test(text)) {
    return text.length === 64
      ? undefined
      : `expected the SHA-256 of the key, 64 hexadecimal digits, got ${text.length} digits`;
  }
  if (!/^(?:pg_.*|[\w.-]{20,})$/.test(text)) return 'expected the SHA-256 of the key: 64 hexadecimal digits';
  return 'expected the SHA-256 of a key, got what looks like the key itself; protogate keygen prints the entry to use';
}

type Fields = ReadonlyMap<string, unknown>;

class KeyFile {
  private readonly yaml: YamlText;
  private readonly diagnostics: Diagnostic[] = [];
  /** The place of the first entry with each digest, such as `keys.0`, by the digest. */
  private readonly digests = new Map<string, string>();
  private readonly plans = new Map<string, { readonly plan: string | undefined; readonly where: string }>();

  constructor(
    text: string,
    private readonly file: string,
  ) {
    this.yaml = parseYaml(text);
  }

  parse(): ParsedKeyFile {
    for (const { offset, text } of this.yaml.problems) this.diagnostics.push(errorAt(this.at(offset), 'yaml', text));
    if (this.diagnostics.length > 0) return { keys: [], diagnostics: this.diagnostics };
    const keys = this.entries().flatMap((node, i) => this.entry(node, `keys.${i}`) ?? []);
    const failed = this.diagnostics.some(({ severity }) => severity === 'error');
    return { keys: failed ? [] : keys, diagnostics: this.diagnostics };
  }

  private entries(): readonly unknown[] {
    const { contents } = this.yaml.document;
    if (isSeq(contents)) {
      this.fail(contents, 'keys-file', "expected the key 'keys:' before the list, got the list alone");
      return [];
    }
    const list = this.fields(contents, 'keys.yaml', ROOT_FIELDS)?.get('keys');
    // An empty `keys:` is allowed, so that the entries of `protogate keygen` can be appended to it.
    if (list === undefined || (isScalar(list) && list.value === null)) return [];
    if (isSeq(list)) return list.items;
    this.fail(list, 'keys-value', `keys: expected a list, got ${kindOf(list)}`);
    return [];
  }

  private entry(node: unknown, where: string): KeyEntry | undefined {
    const fields = this.fields(node, where, ENTRY_FIELDS, ['sha256', 'consumer']);
    if (fields === undefined) return undefined;
    const sha256 = this.text(fields, where, 'sha256', digestProblem)?.toLowerCase();
    const consumer = this.text(fields, where, 'consumer', nameProblem);
    const plan = this.text(fields, where, 'plan', nameProblem);
    const scopes = this.scopes(fields.get('scopes'), `${where}.scopes`);
    const expires = this.text(fields, where, 'expires', expiryProblem);
    if (sha256 !== undefined) this.checkDigest(sha256, fields, where);
    if (consumer !== undefined) this.checkPlan(consumer, plan, fields, where);
    if (sha256 === undefined || consumer === undefined) return undefined;
    const expiresAtMs = expires === undefined ? undefined : parseExpiry(expires);
    return { sha256, consumer, ...(plan === undefined ? {} : { plan }), scopes, expiresAtMs };
  }

  private checkDigest(sha256: string, fields: Fields, where: string): void {
    const other = this.digests.get(sha256);
    if (other === undefined) this.digests.set(sha256, where);
    else
      this.fail(
        fields.get('sha256'),
        'keys-duplicate',
        `${where}.sha256: expected a digest of its own, but ${other} has the same digest; remove one of them`,
      );
  }

  /**
   * Warns if a consumer has keys of two plans. Its requests are counted together, but the limits would depend on the key that
   * a request uses.
   */
  private checkPlan(consumer: string, plan: string | undefined, fields: Fields, where: string): void {
    const first = this.plans.get(consumer);
    if (first === undefined) this.plans.set(consumer, { plan, where });
    else if (first.plan !== plan) {
      const text = `${where}.plan: expected the same plan for all keys of a consumer, but ${first.where} has the same consumer and another plan`;
      this.diagnostics.push(warningAt(this.place(fields.get('plan') ?? fields.get('consumer')), 'keys-plan', text));
    }
  }

  private scopes(node: unknown, where: string): readonly string[] {
    if (node === undefined) return [];
    if (isSeq(node)) {
      return node.items.flatMap((item, i) => this.checked(item, `${where}.${i}`, scopeProblem) ?? []);
    }
    this.fail(node, 'keys-value', `${where}: expected a list, got ${kindOf(node)}`);
    return [];
  }

  /**
   * Returns the values of a mapping by key. An unknown key is quoted only if it resembles a known one, because it may
   * be an API key.
   */
  private fields(
    node: unknown,
    where: string,
    known: readonly string[],
    required: readonly string[] = known,
  ): Fields | undefined {
    if (!isMap(node)) {
      this.fail(node, 'keys-value', `${where}: expected a mapping, got ${kindOf(node)}`);
      return undefined;
    }
    const fields = new Map<string, unknown>();
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : '';
      if (known.includes(name)) {
        fields.set(name, value ?? nothingAt(key));
        continue;
      }
      const hint = didYouMean(name, known);
      const text = hint === undefined ? `: expected ${known.join(', ')}` : ` '${name}', did you mean '${hint}'?`;
      this.fail(key, 'unknown-key', `${where}: unknown key${text}`);
    }
    for (const name of required) {
      if (!fields.has(name)) this.fail(node, 'keys-value', `${where}: expected ${name}, found none`);
    }
    return fields;
  }

  private text(fields: Fields, where: string, name: string, problem: Problem): string | undefined {
    return fields.has(name) ? this.checked(fields.get(name), `${where}.${name}`, problem) : undefined;
  }

  private checked(node: unknown, where: string, problem: Problem): string | undefined {
    if (!isScalar(node) || typeof node.value !== 'string') {
      this.fail(node, 'keys-value', `${where}: expected a string, got ${kindOf(node)}`);
      return undefined;
    }
    const wrong = problem(node.value);
    if (wrong === undefined) return node.value;
    this.fail(node, 'keys-value', `${where}: ${wrong}`);
    return undefined;
  }

  private fail(node: unknown, rule: RuleId, text: string): void {
    this.diagnostics.push(errorAt(this.place(node), rule, text));
  }

  private place(node: unknown): Position {
    return isNode(node) && node.range ? this.at(node.range[0]) : { file: this.file };
  }

  private at(offset: number): Position {
    const { line, col } = this.yaml.lines.linePos(offset);
    return { file: this.file, line, column: col };
  }
}

/**
 * Returns an empty value at the place of the key. In `{ plan }` the key has no value, and the parser makes no node for one, so
 * an error about it would have no place.
 */
function nothingAt(key: unknown): Scalar {
  const nothing = new Scalar(null);
  if (isNode(key)) nothing.range = key.range ?? null;
  return nothing;
}

function kindOf(node: unknown): string {
  if (isMap(node)) return 'a mapping';
  if (isSeq(node)) return 'a list';
  if (isAlias(node)) return 'an alias';
  if (!isScalar(node) || node.value === null) return 'nothing';
  return node.value instanceof Date ? 'a tagged date' : `a ${typeof node.value}`;
}
