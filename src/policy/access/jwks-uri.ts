/**
 * This module fetches an issuer's published keys at regular intervals:
 *
 *     created ──▶ fetch ──ok──▶ keys, for 10 min ──▶ fetch …      `prepared` after the first answer, or 10 s
 *                   └─failed──▶ again in 0.25 s, 0.5 s … 30 s     the keys of before stay; none yet: `find` is a 503
 *     a kid that is not among them ──▶ fetch, at most five times at once, then once in 30 s; else no key is found
 *
 * At most one fetch runs at a time. All requests that need its result wait for the same fetch.
 */
import type { KeyObject } from 'node:crypto';
import { backOffMs } from '../../base/back-off.js';
import type { Clock } from '../../base/clock.js';
import { LeakyBucket } from '../../base/leaky-bucket.js';
import { gatewayError, type StatusError } from '../../status/status-error.js';
import type { Log } from '../../telemetry/log.js';
import { findKey, type KeySource, noKeyText, parseJwks, type VerificationKey } from './jwk-set.js';
import { fetchJwks } from './jwks-fetch.js';

const REFRESH_MS = 600_000;
const PREPARE_MS = 10_000;
const RETRY = { firstMs: 250, longestMs: 30_000 };
/** The limit on fetches that unknown key ids may cause: five at once, and then one every 30 s. */
const ASKING = { atOnce: 5, perSecond: 1 / 30 };

export interface JwksSettings {
  /** The URI, which `jwksUriProblem` has accepted. */
  readonly uri: string;
}

export interface JwksDependencies {
  readonly clock: Clock;
  readonly log: Log;
}

/** Returns a source of the keys that an issuer publishes. The first fetch starts at once. */
export function createJwks({ uri }: JwksSettings, dependencies: JwksDependencies): KeySource {
  return new RemoteKeys(uri, dependencies);
}

class RemoteKeys implements KeySource {
  readonly prepared: Promise<void>;
  private readonly uri: string;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly closed = new AbortController();
  private readonly allowance: LeakyBucket;
  private endPreparing: () => void = () => {};
  private keys: readonly VerificationKey[] | undefined;
  private held: ReadonlySet<KeyObject> = new Set();
  private fetching: Promise<void> | undefined;
  private cancelNext: () => void = () => {};
  private failures = 0;
  private problem: string | undefined;

  constructor(uri: string, { clock, log }: JwksDependencies) {
    this.uri = uri;
    this.clock = clock;
    this.log = log;
    this.allowance = new LeakyBucket(ASKING, clock);
    this.prepared = new Promise((resolve) => {
      // The clock's timers do not keep the process alive. This interval does while the start of the gateway waits for
      // keys.
      const awake = setInterval(() => {}, PREPARE_MS);
      const cancel = clock.after(PREPARE_MS, () => this.endPreparing());
      this.endPreparing = () => {
        clearInterval(awake);
        cancel();
        resolve();
      };
    });
    void this.fetch();
  }

  find(kid: string | undefined, alg: string): KeyObject | undefined | Promise<KeyObject | undefined> {
    if (this.keys === undefined) throw this.unavailable();
    const isNew = kid !== undefined && this.keys.every((one) => one.kid !== kid);
    return isNew ? this.findAnew(kid, alg) : findKey(this.keys, kid, alg);
  }

  holds(key: KeyObject): boolean {
    return this.held.has(key);
  }

  async close(): Promise<void> {
    this.closed.abort();
    this.cancelNext();
    this.endPreparing();
    await this.fetching;
  }

  /** Looks for a key that the issuer may have published since the last fetch. */
  private async findAnew(kid: string, alg: string): Promise<KeyObject | undefined> {
    if (this.fetching !== undefined) {
      await this.fetching;
      const key = findKey(this.keys ?? [], kid, alg);
      if (key !== undefined) return key;
    }
    // The running fetch may have been answered before the key was published, so only a fetch that begins now can find the key.
    if (this.fetching === undefined && !this.allowance.admits()) return undefined;
    await this.fetch();
    return findKey(this.keys ?? [], kid, alg);
  }

  private fetch(): Promise<void> {
    this.fetching ??= this.fetchOnce().finally(() => {
      this.fetching = undefined;
    });
    return this.fetching;
  }

  /** Fetches the keys once. It never rejects: a failure is logged, and the next fetch is planned. */
  private async fetchOnce(): Promise<void> {
    const { signal } = this.closed;
    if (signal.aborted) return;
    this.cancelNext();
    let problem: string | undefined;
    let next = REFRESH_MS;
    try {
      const { keys, problems } = parseJwks(await fetchJwks(this.uri, this.clock, signal));
      if (keys === undefined) throw new Error(problems[0]?.text);
      this.replace(keys);
      this.failures = 0;
      if (keys.length === 0) problem = noKeyText(problems);
    } catch (error) {
      problem = error instanceof Error ? error.message : 'the fetch failed';
      next = backOffMs(RETRY, this.failures++);
    }
    if (signal.aborted) return;
    this.logChange(problem);
    this.cancelNext = this.clock.after(next, () => void this.fetch());
  }

  /**
   * Replaces the keys. A key that was there before stays the same object, so that the tokens which it verified stay
   * remembered.
   */
  private replace(keys: readonly VerificationKey[]): void {
    const before = this.keys ?? [];
    this.keys = keys.map((one) => before.find((old) => isSame(old, one)) ?? one);
    this.held = new Set(this.keys.map(({ key }) => key));
    this.endPreparing();
  }

  /** Returns the error for a token while there are no keys. Only the log has the cause. */
  private unavailable(): StatusError {
    const text = "the keys of the token's issuer are not available yet; try again later";
    const cause = `${this.shownUri()}: ${this.problem ?? 'the first fetch has not ended'}`;
    return gatewayError('KEYS_UNAVAILABLE', text, { cause });
  }

  /** Returns the URI without its query, which may contain a secret. */
  private shownUri(): string {
    const { origin, pathname } = new URL(this.uri);
    return `${origin}${pathname}`;
  }

  /** Logs one line when fetches begin to fail and one when they succeed again, and none for the failures in between. */
  private logChange(problem: string | undefined): void {
    const before = this.problem;
    this.problem = problem;
    const jwks = this.shownUri();
    if (problem !== undefined && before === undefined) {
      this.log.warn({ jwks, reason: problem }, 'the keys of a token issuer cannot be fetched');
    } else if (problem === undefined && before !== undefined) {
      this.log.info({ jwks }, 'the keys of a token issuer can be fetched again');
    }
  }
}

function isSame(a: VerificationKey, b: VerificationKey): boolean {
  return a.kid === b.kid && a.alg === b.alg && a.key.equals(b.key);
}
