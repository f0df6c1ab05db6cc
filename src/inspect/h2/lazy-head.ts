// A message of HTTP/2 as the heads that rules and records read, which are those of HTTP/1.1: made when somebody asks,
// which for most requests nobody does.

import { FieldTable } from '../../http/field-table.ts';
import type { Framing, Upgrade } from '../../http/framing.ts';
import type { Field } from '../../http/h2/field.ts';
import type { RequestHead, ResponseHead } from '../../http/head.ts';

const none: Framing = Object.freeze({ kind: 'none' });
/** A body of a length that nobody has told: as rules see it, that of chunks. */
const chunked: Framing = Object.freeze({ kind: 'chunked' });
const noStrings: readonly string[] = Object.freeze([]);
const noUpgrade: Upgrade = Object.freeze({
  trigger: false,
  connectionValues: noStrings,
  upgradeValues: noStrings,
});

class LazyHead {
  readonly minor = 1;
  readonly start = 0;
  readonly fieldsStart = 0;
  readonly end = 0;
  readonly framing: Framing;
  readonly keepAlive = true;
  /** HTTP/2 has no upgrades. */
  readonly upgrade = noUpgrade;
  readonly connectionOptions = noStrings;
  protected readonly list: readonly Field[];
  protected readonly from: number;
  protected readonly host: string | undefined;
  #fields: FieldTable | undefined;

  constructor(list: readonly Field[], from: number, host: string | undefined, framing: Framing = none) {
    this.framing = framing;
    this.list = list;
    this.from = from;
    this.host = host;
  }

  get fields(): FieldTable {
    this.#fields ??= tableOf(this.list, this.from, this.host);
    return this.#fields;
  }
}

class LazyRequest extends LazyHead implements RequestHead {
  readonly kind = 'request';
  readonly expectContinue = false;
  readonly method: string;
  readonly target: string;

  constructor(
    method: string,
    target: string,
    list: readonly Field[],
    from: number,
    host: string,
    framing: Framing,
  ) {
    super(list, from, host, framing);
    this.method = method;
    this.target = target;
  }

  unframed(): RequestHead {
    return new LazyRequest(this.method, this.target, this.list, this.from, this.host ?? '', chunked);
  }
}

class LazyResponse extends LazyHead implements ResponseHead {
  readonly kind = 'response';
  readonly reason = '';
  readonly status: number;

  constructor(status: number, list: readonly Field[], from: number) {
    super(list, from, undefined);
    this.status = status;
  }
}

/** @param from where the regular fields begin; a `host` among them is left out, `authority` stands for it */
export function requestHeadOf(
  method: string,
  target: string,
  authority: string,
  fields: readonly Field[],
  from: number,
  length: number,
): RequestHead {
  const framing: Framing = length < 0 ? none : { kind: 'length', length };
  return new LazyRequest(method, target, fields, from, authority, framing);
}

/** The head of a request that has a body and tells no length. */
export function unframed(head: RequestHead): RequestHead {
  return head instanceof LazyRequest ? head.unframed() : head;
}

export function responseHeadOf(status: number, fields: readonly Field[], from: number): ResponseHead {
  return new LazyResponse(status, fields, from);
}

function tableOf(list: readonly Field[], from: number, host: string | undefined): FieldTable {
  const offsets: number[] = [];
  let text = '';
  const add = (name: string, value: string) => {
    const start = text.length;
    text += `${name}: ${value}\r\n`;
    offsets.push(start, start + name.length, start + name.length + 2, text.length - 2);
  };
  if (host !== undefined) add('host', host);
  for (let index = from; index < list.length; index++) {
    const { name, value } = list[index] as Field;
    if (host === undefined || name !== 'host') add(name, value);
  }
  return new FieldTable(Buffer.from(text, 'latin1'), 0, offsets, text.length);
}
