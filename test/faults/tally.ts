/** Counts the results of requests. */

export class Tally {
  sent = 0;
  answered = 0;
  /** Requests that were sent and got no whole answer, by the reason. */
  readonly lost = new Map<string, number>();
  /** Connections that were refused; nothing was sent on them. */
  refused = 0;
  /** The number of times that a scenario was run. */
  rounds = 0;
  /** Requests that the gateway did not look at and said so, so that their clients may repeat them (RFC 9113 §8.7). */
  repeatable = 0;
  /** The longest time that an answer took, in milliseconds. */
  longestMs = 0;

  get lostCount(): number {
    return [...this.lost.values()].reduce((sum, count) => sum + count, 0);
  }

  /** The reasons for which requests were lost, with their numbers. */
  get reasons(): string {
    return [...this.lost].map(([reason, count]) => `${count} × ${reason}`).join(', ');
  }

  lose(reason: string): void {
    this.lost.set(reason, (this.lost.get(reason) ?? 0) + 1);
  }

  add(other: Tally): void {
    this.sent += other.sent;
    this.answered += other.answered;
    this.refused += other.refused;
    this.repeatable += other.repeatable;
    this.longestMs = Math.max(this.longestMs, other.longestMs);
    for (const [reason, count] of other.lost) this.lost.set(reason, (this.lost.get(reason) ?? 0) + count);
  }
}
