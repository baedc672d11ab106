/**
 * Checks files with the certificates of authorities (CAs) that change while the gateway runs. A file that is being written may
 * be empty, or end inside a certificate. OpenSSL ignores the parts of such a file that it cannot read, so it would trust fewer
 * CAs, or none.
 */

const BEGIN = /-----BEGIN [A-Z0-9 ]+-----/g;
const END = /-----END [A-Z0-9 ]+-----/g;

/** Throws if the file contains no certificate, or ends inside one. */
export function checkAuthorities(pem: Uint8Array): void {
  const text = Buffer.from(pem.buffer, pem.byteOffset, pem.byteLength).toString('latin1');
  const [begun, ended] = [countOf(BEGIN, text), countOf(END, text)];
  if (begun === 0) throw new Error('expected certificates in PEM, got none');
  if (begun !== ended) throw new Error('expected whole certificates in PEM, got a file that ends inside one');
}

function countOf(pattern: RegExp, text: string): number {
  return text.match(pattern)?.length ?? 0;
}
