/** Sends the messages of a client's stream to the upstream, as fast as the upstream takes them. */

/** The call that the messages are written to. */
export interface MessageSink {
  /** Writes a message. Returns a promise if there is no room for more; it resolves when there is. */
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

  /** Stops sending, because the upstream wants no more messages. */
  stop(): void {
    this.stopped = true;
    // If the source is waiting for the client, it cannot be interrupted here. Its owner ends it, and nothing waits for
    // that.
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
