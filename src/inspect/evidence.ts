// Bytes of a caller's that were held back, kept as evidence without the secrets in them.

import { ByteQueue } from './byte-queue.ts';

/** Keeps the first bytes of what it is given, copied, and counts the rest. */
export class HeldBytes {
  readonly #limit: number;
  readonly #kept = new ByteQueue();
  /** How many there were in all. */
  length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(bytes: Buffer): void {
    const room = Math.min(bytes.length, this.#limit - this.#kept.length);
    if (room > 0) this.#kept.append(bytes.subarray(0, room), 0);
    this.length += bytes.length;
  }

  /** At most `bytes` of the kept ones, secrets blanked before the cut, so that a half secret is blank too. */
  evidence(bytes: number): Buffer {
    return blankSecrets(this.#kept.view()).subarray(0, bytes);
  }
}

/** Each finds one kind of secret; what its first group holds is kept, the rest becomes `*`. No pattern backtracks. */
const secrets: readonly RegExp[] = [
  // A whole field line, folded ones too, whose name speaks of credentials.
  /((?:^|[\r\n])[ \t]{0,8}[\w-]{0,64}(?:auth|cookie|token|secret|passw|credential|api-?key|websocket-protocol)[\w-]{0,64}[ \t]{0,8}:)[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*/gi,
  // A name and password before a host; what is cut short could be one.
  /(:\/\/)[^\s/?#"']+(?=@|$)/g,
  // A value that follows a telling name in a query, a form or JSON.
  /((?:token|secret|passw(?:or)?d|api-?key|credential|signature|code)["']?\s{0,8}[=:]\s{0,8}["']?)[^\s"'&;,]+/gi,
  /(\b(?:bearer|basic|negotiate)[ \t]+)[^\s"',]+/gi,
  // Kubernetes puts bearer tokens into Sec-WebSocket-Protocol members of this form.
  /(base64url\.bearer\.authorization\.k8s\.io\.)[^\s"',]+/gi,
  // JSON web tokens, and bootstrap tokens of kubeadm's form.
  /()\beyJ[\w-]{8,}(?:\.[\w-]*){0,2}/g,
  /()\b[a-z0-9]{6}\.[a-z0-9]{16}\b/g,
  /(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)[^-]*/g,
];

/** The same bytes, as many, with each secret's replaced by `*`. */
export function blankSecrets(bytes: Buffer): Buffer {
  return Buffer.from(blankSecretText(bytes.toString('latin1')), 'latin1');
}

/** The same text, as long, with each secret's characters replaced by `*`. */
export function blankSecretText(text: string): string {
  let blanked = text;
  for (const pattern of secrets) {
    blanked = blanked.replace(
      pattern,
      (whole: string, kept: string) => kept + '*'.repeat(whole.length - kept.length),
    );
  }
  return blanked;
}
