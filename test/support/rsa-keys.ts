/**
 * RSA keys for tests. Making one takes a tenth of a second of CPU, so they are stored beside the build: the next processes
 * and the next test run read them.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../keys/', import.meta.url));
let used = 0;

/** Returns keys of 2048 bits that no earlier call in this process has returned. */
export function rsaKeys(): KeyPairKeyObjectResult {
  const path = `${FOLDER}${used++}.pem`;
  const stored = read(path);
  if (stored !== undefined) {
    const privateKey = createPrivateKey(stored);
    return { privateKey, publicKey: createPublicKey(privateKey) };
  }
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  mkdirSync(FOLDER, { recursive: true });
  // Other processes read the file only when it is complete.
  const part = `${path}.${process.pid}`;
  writeFileSync(part, keys.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  renameSync(part, path);
  return keys;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
