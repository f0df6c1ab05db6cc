// Bytes to send, and how they are compared.
import { createCipheriv, createHash } from 'node:crypto';

/** Bytes without a pattern, of every value, the same in every run; other ones for each seed. */
export function noise(length: number, seed: number): Buffer {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(length));
}

export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
