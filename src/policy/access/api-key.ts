/**
 * This module finds the caller to whom an API key belongs. It holds only the digests of the keys in the file. It looks
 * at the file once a second and replaces all keys at once when the file has changed. If the new file has an error, the
 * keys loaded before stay in use.
 *
 * The module polls because `fs.watch` loses a file that is replaced, and Kubernetes replaces a symlink on the path of the file.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import { type BigIntStats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Clock } from '../../base/clock.js';
import { type Diagnostic, formatDiagnostic } from '../../base/diagnostic.js';
import type { Resource } from '../../base/resources.js';
import { API_KEY_ISSUER, type Credential, identityMetadata, type Principal } from '../../call/principal.js';
import type { Log } from '../../telemetry/log.js';
import type { LogFields } from '../../telemetry/log-entries.js';
import { type KeyEntry, readKeyFile } from './key-file.js';

export interface ApiKeySettings {
  /** The path of `keys.yaml`. */
  readonly file: string;
  /**
   * The metadata key under which an upstream receives the consumer's name. Undefined when the upstream does not receive
   * it.
   */
  readonly consumerToMetadata?: string | undefined;
  /**
   * The metadata key under which an upstream receives the issuer of an API key. Undefined when the upstream does not
   * receive it.
   */
  readonly issuerToMetadata?: string | undefined;
}

export interface ApiKeys extends Resource {
  /** Returns the caller to whom `key` belongs. Undefined when the key is unknown, has expired, or cannot be a key. */
  find(key: string): Principal | undefined;
  /** Stops following the file. `find` still finds the loaded keys. Resolves when the file is not being read any more. */
  close(): Promise<void>;
}

interface Services {
  readonly clock: Clock;
  readonly log: Log;
}

const POLL_MS = 1000;

/**
 * Matches every text that can be a key: 1 to 256 printable ASCII characters without a space. It is tested before a key
 * is hashed.
 */
const PRESENTABLE = /^[!-~]{1,256}$/;

/** Loads the file and follows it. Throws if the file cannot be read or has errors; the text then lists all errors. */
export function createApiKeys(settings: ApiKeySettings, services: Services): ApiKeys {
  return new FollowedKeys(settings, services);
}

interface HeldKey {
  readonly digest: Buffer;
  /** The entry of the file as JSON text. */
  readonly entry: string;
  readonly expiresAtMs: number | undefined;
  readonly principal: Principal;
}

class FollowedKeys implements ApiKeys {
  /** The keys by their digest in hexadecimal. */
  private held: ReadonlyMap<string, HeldKey> = new Map();
  /**
   * The state of the file when it was last read, also if it had errors. Undefined when the file could not be read.
   */
  private seen: string | undefined;
  /** The error code of the last failure to read the file. It is logged only when it changes. */
  private trouble: string | undefined;
  private closed = false;
  private cancel: () => void = () => {};
  private polling: Promise<void> = Promise.resolve();

  constructor(
    private readonly settings: ApiKeySettings,
    private readonly services: Services,
  ) {
    // The state is taken before the file is read, so a change in between causes another read.
    this.seen = stateOf(statSync(settings.file, { bigint: true }));
    const { keys, diagnostics } = readKeyFile(settings.file);
    const errors = errorsOf(diagnostics);
    if (errors.length > 0) throw new Error(errors.map(formatDiagnostic).join('\n'));
    this.held = this.hold(keys);
    this.pollLater();
  }

  find(key: string): Principal | undefined {
    if (!PRESENTABLE.test(key)) return undefined;
    const digest = hash('sha256', key, 'buffer');
    const held = this.held.get(digest.toString('hex'));
    if (held === undefined || !timingSafeEqual(held.digest, digest)) return undefined;
    if (held.expiresAtMs !== undefined && this.services.clock.now() >= held.expiresAtMs) return undefined;
    return held.principal;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.cancel();
    await this.polling;
  }

  private hold(keys: readonly KeyEntry[]): ReadonlyMap<string, HeldKey> {
    return new Map(keys.map((entry) => [entry.sha256, this.holdOne(entry)]));
  }

  /** Keeps the same object for a key whose entry has not changed, so that streams that began with the key continue. */
  private holdOne(entry: KeyEntry): HeldKey {
    const { sha256, expiresAtMs } = entry;
    const text = JSON.stringify(entry);
    const before = this.held.get(sha256);
    if (before?.entry === text) return before;
    const stands = () => this.held.get(sha256) === held;
    const principal = principalOf(entry, { endsAtMs: expiresAtMs, stands }, this.settings);
    const held: HeldKey = { digest: Buffer.from(sha256, 'hex'), entry: text, expiresAtMs, principal };
    return held;
  }

  private pollLater(): void {
    this.cancel = this.services.clock.after(POLL_MS, () => {
      this.polling = this.poll().finally(() => {
        if (!this.closed) this.pollLater();
      });
    });
  }

  private async poll(): Promise<void> {
    const { file } = this.settings;
    try {
      const state = stateOf(await stat(file, { bigint: true }));
      if (this.closed || state === this.seen) return;
      this.reload();
      this.seen = state;
      this.trouble = undefined;
    } catch (error) {
      if (!this.closed) this.complain(error);
    }
  }

  private reload(): void {
    const { file } = this.settings;
    const { log } = this.services;
    const { keys, diagnostics } = readKeyFile(file);
    const [first, ...others] = errorsOf(diagnostics);
    if (first !== undefined) {
      const more: LogFields = others.length === 0 ? {} : { moreProblems: others.length };
      log.error(
        { problem: formatDiagnostic(first), ...more },
        'keys file has errors: the keys loaded before stay in use',
      );
      return;
    }
    this.held = this.hold(keys);
    log.info({ file, keys: keys.length }, 'keys reloaded');
  }

  /**
   * Logs that the file cannot be read, and forgets its state, so that the next look reads the file even if it has not
   * changed.
   */
  private complain(error: unknown): void {
    this.seen = undefined;
    const trouble = error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN';
    if (trouble === this.trouble) return;
    this.trouble = trouble;
    const { file } = this.settings;
    const text =
      trouble === 'ENOENT'
        ? 'keys file does not exist: the keys loaded before stay in use'
        : 'keys file cannot be read: the keys loaded before stay in use';
    this.services.log.warn({ file, code: trouble }, text);
  }
}

function principalOf(
  { consumer, plan, scopes }: KeyEntry,
  credential: Credential,
  { consumerToMetadata, issuerToMetadata }: ApiKeySettings,
): Principal {
  return Object.freeze({
    subject: consumer,
    issuer: API_KEY_ISSUER,
    consumer,
    plan,
    scopes: new Set(scopes),
    claims: Object.freeze({ consumer, ...(plan === undefined ? {} : { plan }), scopes: Object.freeze([...scopes]) }),
    credential,
    metadata: identityMetadata([consumerToMetadata, consumer], [issuerToMetadata, API_KEY_ISSUER]),
  });
}

/**
 * Returns a text that differs after each change of the content, of the permissions, or of the file behind a symlink.
 */
function stateOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

function errorsOf(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return diagnostics.filter(({ severity }) => severity === 'error');
}
