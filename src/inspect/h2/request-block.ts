// One request's header block: what it asks, and what of it goes on. Blocks repeat: where the same bytes mean the same
// fields (the table has not changed), the block is read once.
import { Field } from '../../http/h2/field.ts';
import { HpackDecoder, type ListLimits } from '../../http/h2/hpack-decoder.ts';
import { fieldRoom, fieldWire, writeField } from '../../http/h2/hpack-encoder.ts';
import { type RequestFields, readRequestFields, trailerProblem } from '../../http/h2/message.ts';
import type { RequestHead } from '../../http/head.ts';
import type { CallerFields, FieldVerdict } from '../caller-fields.ts';
import type { JudgeRefusal } from '../refusals.ts';
import { type RequestInfo, requestInfo } from '../request-info.ts';
import { requestHeadOf } from './lazy-head.ts';

export type RequestBlock = {
  readonly head: RequestHead;
  /** Undefined with a refusal that came before it. */
  readonly info: RequestInfo | undefined;
  /** The code under which it is refused. */
  readonly refusal: JudgeRefusal | undefined;
  /** Content-Length; -1 where there is none. */
  readonly length: number;
  readonly spoofed: boolean;
  /** Values of the caller's own Audit-ID. */
  readonly auditIds: readonly string[];
  /** The caller's fields that go on, less its Audit-ID, which stands in `auditWire`. */
  readonly wire: Uint8Array;
  readonly auditWire: Uint8Array;
  /** `wire` without Expect. */
  readonly withoutExpect: () => Uint8Array;
};

/** A block that was read before is kept when it is short (it is all references) and few others are. */
const keptBytes = 512;
const keptBlocks = 32;

export class RequestReader {
  readonly #caller: CallerFields;
  readonly #limits: ListLimits;
  readonly #decoder = new HpackDecoder();
  readonly #verdicts = new Map<string, FieldVerdict>();
  readonly #kept = new Map<string, RequestBlock>();
  #keptVersion = 0;

  constructor(caller: CallerFields, limits: ListLimits) {
    this.#caller = caller;
    this.#limits = limits;
  }

  /** @returns undefined when the block can't be decompressed */
  request(bytes: Buffer, start: number, end: number): RequestBlock | undefined {
    const key = end - start <= keptBytes ? bytes.toString('latin1', start, end) : undefined;
    if (key !== undefined && this.#keptVersion === this.#decoder.version) {
      const known = this.#kept.get(key);
      if (known) return known;
    }
    const { version } = this.#decoder;
    const fields: Field[] = [];
    const result = this.#decoder.decode(bytes, start, end, this.#limits, fields);
    if (result === 'broken') return undefined;
    const block = result === 'over' ? overLimits(fields, this.#limits) : this.#read(fields);
    if (key !== undefined && this.#decoder.version === version) {
      if (this.#keptVersion !== version || this.#kept.size >= keptBlocks) this.#kept.clear();
      this.#keptVersion = version;
      this.#kept.set(key, block);
    }
    return block;
  }

  /** As over HTTP/1.1, where a request's trailers would go on unseen by the rules: none are admitted, but an empty block. */
  trailers(bytes: Buffer, start: number, end: number): JudgeRefusal | 'none' {
    const fields: Field[] = [];
    const result = this.#decoder.decode(bytes, start, end, this.#limits, fields);
    if (result === 'broken') return 'h2-compression';
    if (result === 'over') return 'trailers-too-large';
    return trailerProblem(fields) ?? (fields.length > 0 ? 'request-trailers' : 'none');
  }

  #read(fields: readonly Field[]): RequestBlock {
    const read = readRequestFields(fields);
    if (typeof read === 'string') return refused(fields, read);
    const head = requestHeadOf(read.method, read.target, read.authority, fields, read.regular, read.length);
    const info = requestInfo(read.method, read.target);
    if (typeof info === 'string') return { ...refused(fields, info), head };
    return this.#forward(fields, read, head, info);
  }

  #forward(
    fields: readonly Field[],
    read: RequestFields,
    head: RequestHead,
    info: RequestInfo,
  ): RequestBlock {
    let refusal =
      this.#caller.problem ??
      (this.#caller.misdirected(read.authority) ? ('misdirected-request' as const) : undefined);
    let spoofed = false;
    let auditIds: string[] | undefined;
    const passing = fields.slice(0, read.regular);
    if (!read.named) passing.push(new Field(':authority', read.authority, undefined, false));
    const own: Field[] = [];
    for (let index = read.regular; index < fields.length; index++) {
      const field = fields[index] as Field;
      const { name } = field;
      const verdict = this.#verdict(name);
      if (verdict === 'refuse') refusal ??= 'impersonation-refused';
      else if (verdict === 'spoof') spoofed = true;
      else if (verdict === 'pass' && isAuditId(name)) {
        auditIds ??= [];
        auditIds.push(name === 'audit-id' ? field.value : '');
        own.push(field);
      } else if (verdict === 'pass' && name !== 'host') passing.push(field);
    }
    return {
      head,
      info,
      refusal,
      length: read.length,
      spoofed,
      auditIds: auditIds ?? noIds,
      wire: refusal ? noBytes : wireOf(passing),
      auditWire: own.length === 0 ? noBytes : wireOf(own),
      withoutExpect: () => wireOf(passing.filter(({ name }) => name !== 'expect')),
    };
  }

  #verdict(name: string): FieldVerdict {
    let verdict = this.#verdicts.get(name);
    if (verdict === undefined) {
      verdict = this.#caller.verdict(name);
      if (this.#verdicts.size < 256) this.#verdicts.set(name, verdict);
    }
    return verdict;
  }
}

/** As servers of CGI heritage read it. */
function isAuditId(name: string): boolean {
  return name.length === 8 && name.startsWith('audit') && (name === 'audit-id' || name === 'audit_id');
}

/** Records of it hold what has a form only. */
function refused(all: readonly Field[], refusal: JudgeRefusal): RequestBlock {
  const fields = all.filter(({ flaw }) => flaw === undefined);
  const of = (name: string) => fields.find((field) => field.name === name)?.value ?? '';
  const from = fields.findIndex(({ name }) => name.charCodeAt(0) !== 0x3a);
  const regular = from < 0 ? fields.length : from;
  const method = /^[!-~]{1,32}$/.exec(of(':method'))?.[0] ?? '';
  return {
    head: requestHeadOf(method, of(':path'), of(':authority'), fields, regular, -1),
    info: undefined,
    refusal,
    length: -1,
    spoofed: false,
    auditIds: noIds,
    wire: noBytes,
    auditWire: noBytes,
    withoutExpect: () => noBytes,
  };
}

function overLimits(fields: readonly Field[], limits: ListLimits): RequestBlock {
  return refused(fields, fields.length >= limits.fields ? 'too-many-fields' : 'head-too-large');
}

/** Fields that come out of a table keep their form; others are written once. */
export function wireOf(fields: readonly Field[]): Uint8Array {
  let room = 0;
  for (const { name, value, wire } of fields) room += wire ? wire.length : fieldRoom(name, value);
  const out = Buffer.allocUnsafe(room);
  let at = 0;
  for (const field of fields) {
    if (field.wire) {
      out.set(field.wire, at);
      at += field.wire.length;
    } else if (field.met) {
      field.wire = fieldWire(field);
      out.set(field.wire, at);
      at += field.wire.length;
    } else {
      field.met = true;
      at = writeField(out, at, field.name, field.value, field.never);
    }
  }
  return out.subarray(0, at);
}

const noBytes = new Uint8Array(0);
const noIds: readonly string[] = [];
