// Which of a caller's fields go on to the server: identity and source address are the gate's to say, never the caller's.
// One judgement of names serves HTTP/1.1, whose heads are forwarded as bytes, and HTTP/2, whose fields come as pairs.
import type { RequestHead } from '../http/head.ts';
import { type CarriedField, carriedFields, identityProblem } from './carried-identity.ts';
import type { ConnectionSettings } from './connection-types.ts';
import type { JudgeRefusal } from './refusals.ts';

/** A head ready to forward, body bytes already there included. */
export type Forwarded = {
  readonly bytes: Buffer;
  /** Where, in `bytes`, the gate's own lines begin: the caller's fields stand before. */
  readonly injectedAt: number;
  /** Did the caller send identity fields? */
  readonly spoofed: boolean;
};

/**
 * pass    goes on as it came
 * drop    taken out, for the gate says it itself or a shield wants it out
 * spoof   an identity field: taken out, and told of
 * refuse  impersonation where it is refused: nothing of the request goes on
 */
export type FieldVerdict = 'pass' | 'drop' | 'spoof' | 'refuse';

export type CallerFields = {
  /** Why nothing can be forwarded for this caller. */
  readonly problem: JudgeRefusal | undefined;
  /** Is a request for this authority (`host`, `host:port`) meant for another server that shares the port? */
  misdirected(authority: string): boolean;
  /** What becomes of a caller's field of that name, in any letter case. Audit-ID is for `auditId` to judge. */
  verdict(name: string): FieldVerdict;
  /**
   * The id of the next request: the caller's own, or one of the gate's. Asked once for each request.
   * @param own values of the caller's fields of that name; `_` for `-` in the name makes a value of ''
   */
  auditId(own: readonly string[]): { readonly id: string | undefined; readonly keep: boolean };
  /** The gate's own fields of one request, names in lower case. `minted` is the id, unless it is the caller's own. */
  added(minted: string | undefined): readonly CarriedField[];

  // HTTP/1.1 only
  /** Reads the head of the next request and remembers its id. */
  identify(head: RequestHead): string | undefined;
  /** Does the head name a guarded field in Connection, or impersonate where that is refused? */
  refuses(head: RequestHead): JudgeRefusal | undefined;
  /** The head last identified as it came, less what must not pass, plus the gate's lines and the body up to `bodyEnd`. */
  forward(bytes: Buffer, head: RequestHead, bodyEnd: number): Forwarded;
};

/** Fields of proxies that tell where a request comes from: replaced, not an attack. */
const sourceNames = ['x-forwarded-for', 'x-real-ip', 'forwarded'];
const auditName = 'audit-id';
const impersonation = 'impersonate-';
/** Fields that Connection must not name, beyond identity and source: a hop that obeys would drop them (RFC 9110 §7.6.1). */
const guarded =
  /^(?:audit-id|authorization|proxy-authorization|cookie|host|origin|content-.*|transfer-encoding|impersonate-.*|sec-websocket-.*)$/;
const everydayOptions: ReadonlySet<string> = new Set(['close', 'keep-alive', 'upgrade']);
/** The server takes any; one that is no plain word of a reasonable length is replaced, so that logs can be joined by it. */
const validAuditId = /^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$/;

/**
 * Prepares one caller's lines once for all requests of the connection.
 *
 * Names are compared in lower case with `_` read as `-`: backends of CGI heritage can't tell the two apart.
 */
export function createCallerFields(settings: ConnectionSettings): CallerFields {
  const { identity, identityFields: names, auditStem } = settings;
  const carriage = settings.carriage ?? { how: 'front-proxy' };
  const carried = identity.method === 'certificate';
  const problem = identityProblem(identity);
  // Under the gate's credential the server would check the caller's wish against the gate's rights.
  const underGate = carried && carriage.how === 'impersonation';
  const refuseImpersonation = settings.refuseImpersonation === true || underGate;

  const exact: ReadonlySet<string> = new Set(
    [names.user, names.group, ...(names.uid ? [names.uid] : []), ...(names.also ?? [])].map(folded),
  );
  const more = (names.also ?? []).map(folded).filter((name) => name.endsWith('-'));
  const prefixes = ['x-remote-', folded(names.extraPrefix), ...more].filter((prefix) => prefix !== '');
  const removed: ReadonlySet<string> = new Set([
    ...sourceNames,
    // Beside the gate's credential it would be a second, ambiguous one.
    ...(underGate ? ['authorization'] : []),
    ...settings.rules.stripHeaders,
  ]);
  const suspects = firstLetters([
    ...exact,
    ...prefixes,
    ...removed,
    ...(refuseImpersonation ? [impersonation] : []),
  ]);
  const isIdentity = (name: string) => exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix));
  const judged = (name: string): FieldVerdict => {
    if (isIdentity(name)) return 'spoof';
    if (refuseImpersonation && name.startsWith(impersonation)) return 'refuse';
    return removed.has(name) ? 'drop' : 'pass';
  };

  let requests = 0;
  function auditId(own: readonly string[]): { id: string | undefined; keep: boolean } {
    if (auditStem === undefined) return { id: undefined, keep: true };
    const [only] = own;
    if (own.length === 1 && only !== undefined && validAuditId.test(only)) return { id: only, keep: true };
    requests += 1;
    return { id: auditStem + requests.toString(16).padStart(auditDigits, '0'), keep: false };
  }

  // The gate's lines as bytes, made anew when its credential changes.
  const credential = underGate ? carriage.credential : undefined;
  let authorization: string | undefined;
  let standing: readonly CarriedField[] = [];
  let lines: Buffer = Buffer.alloc(0);
  let linesWithId: Buffer = lines;
  function prepare(): void {
    authorization = credential?.authorization;
    standing = [
      ['x-forwarded-for', settings.sourceAddress],
      ...(problem ? [] : carriedFields(identity, carriage, names, authorization)),
    ];
    const text = standing.map(([name, value]) => `${written(name)}: ${value}\r\n`).join('');
    lines = Buffer.from(`${text}\r\n`);
    linesWithId = Buffer.from(`${text}Audit-ID: ${auditStem ?? ''}${'0'.repeat(auditDigits)}\r\n\r\n`);
  }
  prepare();
  const current = () => {
    if (credential !== undefined && credential.authorization !== authorization) prepare();
  };

  // Of the head last identified: does an id of the gate's go with it, and must the caller's fields of that name go?
  let minted = false;
  let cutAudit = false;
  const { hosts } = settings;
  function misdirected(authority: string): boolean {
    if (hosts === undefined) return false;
    const host = authority.replace(/:[0-9]*$/, '').toLowerCase();
    // An address names nobody: it is how callers reach the port.
    return !/^(?:[0-9.]+|\[.*\])$/.test(host) && !hosts.has(host.replace(/\.$/, ''));
  }

  return {
    problem,
    misdirected,
    verdict: (name) => judged(folded(name)),
    auditId,
    added(id) {
      current();
      return id === undefined ? standing : [...standing, [auditName, id]];
    },
    identify(head) {
      if (auditStem === undefined) return undefined;
      const own = ownAuditIds(head);
      const { id, keep } = auditId(own);
      minted = !keep;
      cutAudit = minted && own.length > 0;
      return id;
    },
    refuses(head) {
      if (hosts !== undefined && misdirected(hostOf(head))) return 'misdirected-request';
      for (const option of head.connectionOptions) {
        if (everydayOptions.has(option)) continue;
        // Go's strings.TrimSpace, by which old reverse proxies read the list, trims spaces of Unicode from a name.
        if (/[^\x20-\x7e]/.test(option)) return 'connection-option';
        const name = folded(option);
        if (isIdentity(name) || removed.has(name) || guarded.test(name)) return 'connection-option';
      }
      if (!refuseImpersonation) return undefined;
      const { fields } = head;
      for (let index = 0; index < fields.count; index++) {
        if (((fields.bytes[fields.nameStart(index)] as number) | 0x20) !== 0x69) continue; // i
        if (judged(folded(fields.nameText(index))) === 'refuse') return 'impersonation-refused';
      }
      return undefined;
    },
    forward(bytes, head, bodyEnd) {
      current();
      const fields = head.fields;
      let cuts: number[] | undefined;
      let cutBytes = 0;
      let spoofed = false;
      for (let index = 0; index < fields.count; index++) {
        const start = fields.nameStart(index);
        if (suspects[bytes[start] as number] === 0 && !cutAudit) continue;
        const name = folded(fields.nameText(index));
        const isSpoof = isIdentity(name);
        if (!isSpoof && !removed.has(name) && !(cutAudit && name === auditName)) continue;
        spoofed ||= isSpoof;
        cuts ??= [];
        cuts.push(start, fields.lineEnd(index));
        cutBytes += fields.lineEnd(index) - start;
      }
      const injected = minted ? linesWithId : lines;
      if (minted) writeCount(linesWithId, linesWithId.length - 5, requests);
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

function hostOf({ fields }: RequestHead): string {
  const index = fields.find('host');
  return index < 0 ? '' : fields.valueText(index);
}

/** Behind a stem of 24 characters: a whole UUID. */
const auditDigits = 12;

/** Writes the hex digits of `count` that are not 0 from `last` backwards: what stands before was 0 and stays. */
function writeCount(bytes: Buffer, last: number, count: number): void {
  for (let at = last, rest = count; rest > 0; at--, rest = Math.floor(rest / 16)) {
    const digit = rest % 16;
    bytes[at] = digit < 10 ? 0x30 + digit : 0x57 + digit;
  }
}

/** Known names keep the spelling that people know from the server's own documents. */
function written(name: string): string {
  return name === 'x-forwarded-for' ? 'X-Forwarded-For' : name;
}

/** Values of the head's Audit-ID fields; one whose name is spelt with `_`, which the server does not read, gives ''. */
function ownAuditIds({ fields }: RequestHead): readonly string[] {
  let own: string[] | undefined;
  for (let index = 0; index < fields.count; index++) {
    const start = fields.nameStart(index);
    if (((fields.bytes[start] as number) | 0x20) !== 0x61) continue; // a
    if (fields.nameEnd(index) - start !== auditName.length) continue;
    if (folded(fields.nameText(index)) !== auditName) continue;
    own ??= [];
    own.push(fields.nameEquals(index, auditName) ? fields.valueText(index) : '');
  }
  return own ?? none;
}
const none: readonly string[] = [];

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
