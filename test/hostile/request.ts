/** One hostile request, as bytes, and the answer that it must get. */
export interface HostileRequest {
  readonly fact: string;
  /** The request as it is sent; each character is a byte. */
  readonly text: string;
  readonly status: number;
  /** The gRPC code in the body. */
  readonly code: number;
}
