/** The messages of a client's stream on their way to the upstream, at its pace. */

/** Where they go. */
export interface MessageSink {
  /** A promise: there is room for more when it resolves. */
  write(message: Uint8Array): Promise<void> | undefined;
  /** That was all. */
  end(): void;
  /** They broke off. */
  abort(error: unknown): void;
}

export class Outgoing {
  private source: AsyncIterator<Uint8Array> | undefined;
  private stopped = false;

  constructor(messages: AsyncIterable<Uint8Array>, sink: MessageSink) {
    void this.send(messages, sink);
  }

  /** Nobody wants more. */
  stop(): void {
    this.stopped = true;
    // A source that waits for the client cannot be interrupted here: its own owner ends it, nobody waits for that.
    this.source?.return?.().catch(() => {});
    this.source = undefined;
  }

  private async send(messages: AsyncIterable<Uint8Array>, sink: MessageSink): Promise<void> {
    try {
      const source = messages[Symbol.asyncIterator]();
      this.source = source;
      for (;;) {
        const { done, value } = await source.next();
        if (this.stopped) return;
        if (done === true) break;
        const room = sink.write(value);
        if (room === undefined) continue;
        await room;
        if (this.stopped) return;
      }
      this.source = undefined;
      sink.end();
    } catch (error) {
      this.source = undefined;
      sink.abort(error);
    }
  }
}
