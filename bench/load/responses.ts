/**
 * Reads the responses of one HTTP/1.1 connection, only as far as a load generator needs it: the status, and where a response
 * ends (`content-length`, or the last chunk).
 */
const HEAD_END = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');
const NOTHING = Buffer.alloc(0);

export class Responses {
  private rest: Buffer = NOTHING;
  private status = 0;
  /** The number of bytes before the next line: the rest of a body or of a chunk. */
  private left = 0;
  private state: 'head' | 'body' | 'size' | 'chunk' | 'trailer' = 'head';

  /** `onEnd` gets the status of each response when its last byte has come. */
  constructor(private readonly onEnd: (status: number) => void) {}

  push(chunk: Buffer): void {
    let data = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    this.rest = NOTHING;
    for (;;) {
      const next = this.step(data);
      if (next < 0) break;
      data = data.subarray(next);
    }
    this.rest = data;
  }

  /** Reads one part and returns its length; -1 if it has not come as a whole. */
  private step(data: Buffer): number {
    if (this.state === 'body' || this.state === 'chunk') return this.skip(data);
    const mark = this.state === 'head' ? HEAD_END : LINE_END;
    const end = data.indexOf(mark);
    if (end < 0) return -1;
    const text = data.toString('latin1', 0, end);
    if (this.state === 'head') this.readHead(text);
    else if (this.state === 'size') this.readSize(text);
    else this.finish();
    return end + mark.length;
  }

  private skip(data: Buffer): number {
    if (data.length === 0) return -1;
    const count = Math.min(this.left, data.length);
    this.left -= count;
    if (this.left > 0) return count;
    if (this.state === 'body') this.finish();
    else this.state = 'size';
    return count;
  }

  private readHead(head: string): void {
    this.status = Number(head.slice(9, 12));
    const length = /\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) this.state = 'size';
    else {
      this.left = Number(length);
      if (this.left === 0) this.finish();
      else this.state = 'body';
    }
  }

  private readSize(line: string): void {
    const size = Number.parseInt(line, 16);
    // The line end after the data counts as part of the chunk.
    this.left = size + 2;
    this.state = size === 0 ? 'trailer' : 'chunk';
  }

  private finish(): void {
    this.state = 'head';
    this.onEnd(this.status);
  }
}
