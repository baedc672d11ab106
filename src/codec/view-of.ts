/** Returns a DataView of the same bytes, which reads and writes several of them as one number. */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
