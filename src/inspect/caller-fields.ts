// Which of a caller's fields go on to the server: identity and source address are the gate's to say, never the caller's.
import type { RequestHead } from '../http/head.ts';
import type { Identity, IdentityFields } from './connection-types.ts';
import type { JudgeRefusal } from './refusals.ts';

/** A head ready to forward, body bytes already there included. */
export type Forwarded = {
  readonly bytes: Buffer;
  /** Where, in `bytes`, the gate's own lines begin: the caller's fields stand before. */
  readonly injectedAt: number;
  /** Did the caller send identity fields? */
  readonly spoofed: boolean;
};

export type CallerFields = {
  /** Why nothing can be forwarded for this caller. */
  readonly problem: JudgeRefusal | undefined;
  /** Does the head's Connection field name a field that identifies or secures the request, to any reader? */
  namesGuardedField(head: RequestHead): boolean;
  /** The head as it came, less what must not pass, plus the gate's lines and the body bytes up to `bodyEnd`. */
  forward(bytes: Buffer, head: RequestHead, bodyEnd: number): Forwarded;
};

/** Fields of proxies that tell where a request comes from: replaced, not an attack. */
const sourceNames = ['x-forwarded-for', 'x-real-ip', 'forwarded'];
/** Fields that Connection must not name, beyond identity and source: a hop that obeys would drop them (RFC 9110 §7.6.1). */
const guarded =
  /^(?:authorization|proxy-authorization|cookie|host|origin|content-.*|transfer-encoding|impersonate-.*|sec-websocket-.*)$/;
const everydayOptions: ReadonlySet<string> = new Set(['close', 'keep-alive', 'upgrade']);

/**
 * Prepares one caller's lines once for all requests of the connection.
 * @param stripped names, lower case, of fields that shields take out
 *
 * Names are compared in lower case with `_` read as `-`: backends of CGI heritage can't tell the two apart.
 */
export function createCallerFields(
  identity: Identity,
  names: IdentityFields,
  sourceAddress: string,
  stripped: ReadonlySet<string>,
): CallerFields {
  const problem = identityProblem(identity);
  const injected = Buffer.from(problem ? '\r\n' : gateLines(identity, names, sourceAddress));
  const exact: ReadonlySet<string> = new Set([names.user, names.group, ...(names.also ?? [])].map(folded));
  const prefixes = ['x-remote-', folded(names.extraPrefix)];
  const removed: ReadonlySet<string> = new Set([...sourceNames, ...stripped]);
  const suspects = firstLetters([...exact, ...prefixes, ...removed]);
  const isIdentity = (name: string) =>
    exact.has(name) || prefixes.some((prefix) => prefix !== '' && name.startsWith(prefix));

  return {
    problem,
    namesGuardedField(head) {
      for (const option of head.connectionOptions) {
        if (everydayOptions.has(option)) continue;
        // Go's strings.TrimSpace, by which old reverse proxies read the list, trims spaces of Unicode from a name.
        if (/[^\x20-\x7e]/.test(option)) return true;
        const name = folded(option);
        if (isIdentity(name) || removed.has(name) || guarded.test(name)) return true;
      }
      return false;
    },
    forward(bytes, head, bodyEnd) {
      const fields = head.fields;
      let cuts: number[] | undefined;
      let cutBytes = 0;
      let spoofed = false;
      for (let index = 0; index < fields.count; index++) {
        const start = fields.nameStart(index);
        if (suspects[bytes[start] as number] === 0) continue;
        const name = folded(fields.nameText(index));
        const isSpoof = isIdentity(name);
        if (!isSpoof && !removed.has(name)) continue;
        spoofed ||= isSpoof;
        cuts ??= [];
        cuts.push(start, fields.lineEnd(index));
        cutBytes += fields.lineEnd(index) - start;
      }
      const out = Buffer.allocUnsafe(bodyEnd - head.start - cutBytes - 2 + injected.length);
      let from = head.start;
      let at = 0;
      if (cuts) {
        for (let index = 0; index < cuts.length; index += 2) {
          at += bytes.copy(out, at, from, cuts[index] as number);
          from = cuts[index + 1] as number;
        }
      }
      at += bytes.copy(out, at, from, head.end - 2);
      const injectedAt = at;
      at += injected.copy(out, at);
      bytes.copy(out, at, head.end, bodyEnd);
      return { bytes: out, injectedAt, spoofed };
    },
  };
}

/** The gate's lines and the blank line that ends the head. */
function gateLines(identity: Identity, names: IdentityFields, sourceAddress: string): string {
  let lines = `X-Forwarded-For: ${sourceAddress}\r\n`;
  if (identity.method === 'certificate') {
    lines += `${names.user}: ${identity.user}\r\n`;
    for (const group of identity.groups) lines += `${names.group}: ${group}\r\n`;
  }
  return `${lines}\r\n`;
}

/**
 * A value goes into its line as it is. One that could end the line, or that the server would trim to another name, is
 * refused: it would be another identity.
 */
function identityProblem(identity: Identity): JudgeRefusal | undefined {
  if (identity.method === 'none') return undefined;
  const fit = (value: string) =>
    value !== '' && value.isWellFormed() && !/[\x00-\x1f\x7f]/.test(value) && value === value.trim();
  return [identity.user, ...identity.groups].every(fit) ? undefined : 'bad-identity';
}

function folded(name: string): string {
  const lower = name.toLowerCase();
  return lower.includes('_') ? lower.replaceAll('_', '-') : lower;
}

/** 1 for each byte, of either case, that a name of interest may begin with. */
function firstLetters(names: readonly string[]): Uint8Array {
  const table = new Uint8Array(256);
  for (const name of names) {
    const code = name.charCodeAt(0);
    if (Number.isNaN(code)) continue;
    table[code] = 1;
    if (code >= 0x61 && code <= 0x7a) table[code - 32] = 1;
    if (code === 0x2d) table[0x5f] = 1;
  }
  return table;
}
