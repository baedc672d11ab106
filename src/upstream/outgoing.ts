/** Sends the messages of a client's stream to the upstream, as fast as the upstream takes them. */

/** The call that the messages are written to. */
export interface MessageSink {
  /**
   * Writes a message. Returns undefined if the next message may follow at once; otherwise a promise that resolves when it may.
   */
  write(message: Uint8Array): Promise<void> | undefined;
  /** Called when all messages have been written. */
  end(): void;
  /** Called when the source of the messages has failed. */
  abort(error: unknown): void;
}

export class Outgoing {
  private source: AsyncIterator<Uint8Array> | undefined;
  private stopped = false;

  constructor(messages: AsyncIterable<Uint8Array>, sink: MessageSink) {
    void this.send(messages, sink);
  }

  /** Stops sending, because the call has ended. */
  stop(): void {
    this.stopped = true;
    // If the source waits for the client, `return` cannot interrupt it. The request that owns the source ends it, so this code
    // does not wait.
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
