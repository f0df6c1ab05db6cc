// The contract between the pure connection judge (inspect/connection.ts) and whoever owns the sockets (gate/, the
// shield self-tests, the fuzzers): bytes and ends in, writes and closes out. The judge never waits, reads a clock or
// touches a socket.
import type { RequestHead } from '../http/head.ts';
import type { Severity } from '../model/common.ts';
import { defaultLimits, type Limits } from '../model/limits.ts';
import type { RuleAction } from '../model/shield.ts';
import type { BodyAccount } from './body-budget.ts';
import type { FloodBudget } from './h2/flood-budget.ts';
import type { CallerRates } from './rates.ts';
import type { RequestInfo } from './request-info.ts';
import type { RuleSet } from './rules.ts';

/** Who the caller is, as the TLS handshake proved it. Decides which head lines the judge adds (DESIGN decision 5). */
export type Identity =
  /** A verified client certificate: CN and O of its subject, and what else the server would read from it. */
  | {
      readonly method: 'certificate';
      readonly user: string;
      readonly groups: readonly string[];
      readonly uid?: string;
      /** Keys in lower case, as the server reads them. */
      readonly extra?: Readonly<Record<string, readonly string[]>>;
    }
  /** No client certificate. Authorization, if any, passes untouched and is not looked into. */
  | { readonly method: 'none' };

/** Names, lower case, of the header fields that carry identity to the server (`--requestheader-*`). */
export type IdentityFields = {
  readonly user: string;
  readonly group: string;
  readonly extraPrefix: string;
  /** Left out: the server reads no UID. */
  readonly uid?: string | undefined;
  /** Further names that the server reads identity from, or prefixes, which end in `-`: a caller's are taken out as well. */
  readonly also?: readonly string[];
};
export const defaultIdentityFields: IdentityFields = {
  user: 'x-remote-user',
  group: 'x-remote-group',
  extraPrefix: 'x-remote-extra-',
};

/** How a verified certificate's identity goes on to the server. */
export type Carriage =
  /** In the identity fields, over a connection that presents the front-proxy certificate. */
  | { readonly how: 'front-proxy' }
  /** As Impersonate-*, under a credential of the gate's. */
  | {
      readonly how: 'impersonation';
      /** Value of the Authorization field, read anew for each request; left out: the connection's certificate is it. */
      readonly credential?: { readonly authorization: string };
    };

/** docs/reference/limits.md says what each is. */
export type ConnectionLimits = Pick<
  Limits,
  | 'headBytes'
  | 'headFields'
  | 'heldBytes'
  | 'evidenceBytes'
  | 'aheadBytes'
  | 'bodyBytes'
  | 'streams'
  | 'continuations'
  | 'streamResets'
  | 'pingFrames'
  | 'settingsFrames'
  | 'idleFrames'
>;
export const defaultConnectionLimits: ConnectionLimits = defaultLimits;

/** What a judge needs to know for one connection; `createConnection(settings, sink)` in connection.ts. */
export type ConnectionSettings = {
  readonly identity: Identity;
  readonly identityFields: IdentityFields;
  /** Left out: front-proxy. */
  readonly carriage?: Carriage;
  /** Are a caller's own Impersonate-* fields refused? Left out: they go on, for the server to check. */
  readonly refuseImpersonation?: boolean;
  /**
   * The first 24 characters of this connection's Audit-IDs, a UUID's: requests are numbered in the last 12. A caller's
   * own valid one is kept. Left out: the field is none of the judge's business.
   */
  readonly auditStem?: string;
  /**
   * Names of this server, lower case, where several share a port: a request for another name is misdirected. Left out:
   * the server itself does not look at the name, and nobody else is there.
   */
  readonly hosts?: ReadonlySet<string>;
  /** The caller's address, canonical text: becomes X-Forwarded-For. */
  readonly sourceAddress: string;
  /** Tags of that address, asked for by rules only. Left out: none. */
  readonly sourceTags?: () => readonly string[];
  /** The rules of the loaded shields, compiled once (`compileRules`) and shared by all connections of a listener. */
  readonly rules: RuleSet;
  readonly limits: ConnectionLimits;
  /** Bytes of bodies that may be held for rules, among all connections. Left out: as many as there are. */
  readonly bodyAccount?: BodyAccount;
  /** The caller's, shared by all of its HTTP/2 connections. Left out: one that is never filled up again. */
  readonly floodBudget?: FloodBudget;
  /** Counters of rules with a rate, shared by all of the caller's connections. Left out: this connection has its own. */
  readonly rates?: CallerRates;
  /** Milliseconds since the epoch, by which exemptions expire. Left out: none does. */
  readonly now?: () => number;
  /**
   * Makes the verdict id of one request: `[0-9a-z-]{8,64}`, never the same twice. Every finding of the request carries it (a
   * repeated one: that of the first), and so does the Status that the caller is answered with. Without it there are no ids.
   */
  readonly newId?: () => string;
  /**
   * Is the gate too busy for this new request? The seconds after which to try again are answered with a 429 Status, and
   * nothing is forwarded.
   */
  readonly shed?: (info: RequestInfo) => number | undefined;
};

/** One thing the judge found, before the gate adds who, when and where. */
export type Finding = {
  /** The verdict id of the request that it is about; empty when the owner gives none. */
  readonly id: string;
  /** Shield id, or `portcullis` for the gate's own refusals. */
  readonly shield: string;
  /** Rule id, or the refusal's code (docs/reference/refusals.md). */
  readonly rule: string;
  readonly action: RuleAction;
  /** The shield is in shadow: nothing was done. */
  readonly shadow?: true;
  /** The exemption by which nothing was done. */
  readonly exemption?: string;
  /** What the rule asks for, where nothing was done. */
  readonly would?: RuleAction;
  readonly severity: Severity;
  readonly message: string;
  /** The request's Audit-ID, by which the server's audit log names it too. Undefined where no head could be read. */
  readonly auditId: string | undefined;
  /** `GET /api/v1/pods?watch`: method, path, query parameter names. Empty when no head could be read. */
  readonly requestLine: string;
  readonly headerNames: readonly string[];
  readonly connection: string | undefined;
  readonly upgrade: string | undefined;
  /** Did the request carry an Authorization field? */
  readonly bearer: boolean;
  /** Which service account the token says it is of; '' for none. */
  readonly serviceAccount: string;
  readonly responseStatus: number | undefined;
  /** Bytes the caller sent that were held back and never forwarded, at most `evidenceBytes`, secrets blanked. */
  readonly held: Buffer;
  /** How many there were in all. */
  readonly heldLength: number;
};

export type ExchangeIds = {
  /** The verdict id, made when it is first asked for. */
  readonly id: string;
  readonly auditId: string | undefined;
};

/**
 * Follows one request whose head could be read, refused ones included: for access records and counters. Made by the owner
 * of the sockets, told and counted by the judge.
 */
export type ExchangeWatch = {
  /** Bytes let through so far: towards the server, and towards the caller. */
  up: number;
  down: number;
  /** Code of the refusal, or `SHIELD/RULE`, that ended it. */
  refusal: string | undefined;
  /** The final answer's status, or 101. At most once. */
  answered(status: number): void;
  /** Nothing more belongs to it. Once, unless the owner destroys the connection first. */
  ended(): void;
};

/** What the judge asks of the owner of the sockets. Calls happen synchronously, in order, inside the feeding call. */
export type ConnectionSink = {
  toServer(bytes: Buffer): void;
  toClient(bytes: Buffer): void;
  /**
   * The server's side is over for this connection: end it at once. Nothing more is to be read from it.
   */
  closeServer(): void;
  /**
   * Send what was written, then end the client's side (TLS close_notify, FIN), and go on reading the caller's bytes for
   * `lingerMs`: what still comes is fed to clientData as evidence. Then destroy.
   */
  endClient(lingerMs: number): void;
  /**
   * Half-close towards the server: send what was written, then end the sending side, and go on reading the server.
   * Only asked for in a tunnel whose caller has ended. Without it the tunnel is closed whole.
   */
  endServer?(): void;
  /** Destroy both sides now. Unsent bytes may be lost. */
  abort(): void;
  /** Back-pressure by the judge: while true, don't read from the caller (it may be released later). */
  holdClient(hold: boolean): void;
  /** The same of the server; what it sends all the same is kept. Only asked for over HTTP/2, and rarely. */
  holdServer?(hold: boolean): void;
  finding(finding: Finding): void;
  /** A rule with a rate fired again, for a caller of whom this window has its finding. It was acted on all the same. */
  repeated?(shield: string, rule: string): void;
  /** One request was forwarded / one final response head delivered: for counters and access records. */
  request(method: string, path: string, auditId: string | undefined): void;
  response(status: number): void;
  /** A request's head was read; `head` is valid during the call only. */
  begun?(info: RequestInfo, head: RequestHead, ids: ExchangeIds): ExchangeWatch | undefined;
};

/** A judge for one client connection and its one upstream connection. */
export type Connection = {
  /** Bytes from the caller, in any pieces. The buffer is not kept after the call, unless copied. */
  clientData(bytes: Buffer): void;
  /** The caller ended its sending side (half-close). */
  clientEnd(): void;
  serverData(bytes: Buffer): void;
  serverEnd(): void;
  /** No upstream can be had: answers the pending request with a 502/503 Status and ends. */
  serverFailed(reason: string): void;
  /**
   * Takes no new work and ends without loss: at once between exchanges, else when what is going on is answered. Over
   * HTTP/2 the caller is told so (GOAWAY). A watch or tunnel goes on until one of its ends ends it: whoever drains to
   * a deadline destroys what is left. May be called again.
   */
  drain(): void;
  /** `http`: between or inside exchanges; `upgrade`: waiting for the answer; `tunnel`: after a verified 101; `closing`: delivered, lingering; `closed`. */
  readonly state: 'http' | 'upgrade' | 'tunnel' | 'closing' | 'closed';
  /** True between exchanges: nothing pending, so the connection can be ended without loss. */
  readonly idle: boolean;
  /** True between exchanges when a request's head was begun and is unfinished: a caller must not keep it so for long. */
  readonly readingHead: boolean;
  /** True while more of a request's body is to come. Over HTTP/2 never: `endSlowBodies` is called instead. */
  readonly readingBody: boolean;
  /**
   * Ends the requests whose body brought less than `least` bytes in a minute in which more could be sent; others go on. To
   * be called every second or so. Over HTTP/2 only.
   * @param now milliseconds, more than 0
   * @param ready was the caller read since the last call?
   * @returns how many were ended
   */
  endSlowBodies?(now: number, least: number, ready: boolean): number;
};
