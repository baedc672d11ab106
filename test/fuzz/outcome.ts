/** What came of one drawn request. */
export interface Outcome {
  readonly kind: 'http1' | 'http2' | 'websocket';
  /** What is wrong; undefined if nothing is. */
  readonly verdict: string | undefined;
  /** The status of the answer, or the close code of a WebSocket; 0 for a connection that ended without an answer. */
  readonly status?: number;
}
