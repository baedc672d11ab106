/**
 * This module reads files again every second, and reports when their content has changed. The files are polled and not watched,
 * because often the file, or a folder above it, is replaced by a new one.
 */
import type { Clock } from './clock.js';

/** The content of files by their names, and other values, which do not change. */
type Contents = object;

export interface RenewedFilesOptions<C extends Contents> {
  /** The content that was read at the start and is in use. */
  readonly first: C;
  /** Reads the files. Throws while one is missing. */
  readonly read: () => C;
  /** Called with content that has changed, to put it into use. Throws if it cannot be used. */
  readonly use: (next: C) => void;
  /** Called once when the files could not be read or used two times in a row. */
  readonly onProblem: (error: unknown) => void;
  readonly clock: Clock;
}

const POLL_MS = 1000;

export class RenewedFiles<C extends Contents> {
  private used: C;
  /**
   * The number of failed checks in a row. A problem is reported at the second one, and only once. It is not reported at once,
   * because two files that are replaced one after the other may not match for a moment.
   */
  private problems = 0;
  private cancel: () => void;

  constructor(private readonly options: RenewedFilesOptions<C>) {
    this.used = options.first;
    this.cancel = this.later();
  }

  /** Reads the files now, and puts their content into use if it has changed. */
  check(): void {
    const { read, use, onProblem } = this.options;
    try {
      const next = read();
      if (!isSame(this.used, next)) {
        use(next);
        this.used = next;
      }
      this.problems = 0;
    } catch (error) {
      this.problems++;
      if (this.problems === 2) onProblem(error);
    }
  }

  stop(): void {
    this.cancel();
  }

  private later(): () => void {
    return this.options.clock.after(POLL_MS, () => {
      this.check();
      this.cancel = this.later();
    });
  }
}

function isSame<C extends Contents>(a: C, b: C): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof C>;
  return [...names].every((name) => {
    const [one, other] = [a[name], b[name]];
    return one instanceof Uint8Array && other instanceof Uint8Array ? Buffer.compare(one, other) === 0 : one === other;
  });
}
