// What records tell of a request's head: enough to recognise it, small, and without secrets. Names, never values: those
// of a query and of fields hold tokens. Every part is cut, because one caller can cause thousands of records.
import type { RequestHead } from '../http/head.ts';
import { blankSecretText } from './evidence.ts';
import { queryNames } from './query.ts';
import type { RequestInfo } from './request-info.ts';
import { claimedServiceAccount } from './service-account.ts';

export type RequestFacts = {
  /** `GET /api/v1/pods?watch`: method, decoded path, names of the query's parameters; '' without a head. */
  readonly requestLine: string;
  readonly headerNames: readonly string[];
  readonly connection: string | undefined;
  readonly upgrade: string | undefined;
  /** Was there an Authorization field? */
  readonly bearer: boolean;
  /** As the token says of itself; '' where it is no service account's. */
  readonly serviceAccount: string;
};

/** Characters kept of each part. With `maxNames` field names the whole stays below 8 KiB of ASCII. */
const maxMethod = 32;
const maxPath = 1_024;
const maxQueryBytes = 4_096;
const maxParameters = 32;
const maxName = 64;
const maxNames = 64;
const maxValue = 256;

/** @param before fields that begin at or after this offset are the gate's own and left out */
export function requestFacts(
  info: RequestInfo | undefined,
  head: RequestHead | undefined,
  before = Number.POSITIVE_INFINITY,
): RequestFacts {
  const names: string[] = [];
  if (head) {
    const { fields } = head;
    const count = Math.min(fields.count, maxNames);
    for (let index = 0; index < count && fields.nameStart(index) < before; index++) {
      names.push(fields.nameText(index).slice(0, maxName));
    }
  }
  const bearer = head !== undefined && isCallers(head, 'authorization', before);
  return {
    requestLine: requestLine(info, head),
    headerNames: names,
    connection: joined(head?.upgrade.connectionValues),
    upgrade: joined(head?.upgrade.upgradeValues),
    bearer,
    serviceAccount: head && bearer ? claimedServiceAccount(head.fields) : '',
  };
}

function isCallers({ fields }: RequestHead, name: string, before: number): boolean {
  const index = fields.find(name);
  return index >= 0 && fields.nameStart(index) < before;
}

function requestLine(info: RequestInfo | undefined, head: RequestHead | undefined): string {
  if (!info && !head) return '';
  const target = head?.target ?? '';
  const mark = target.indexOf('?');
  const path = info?.path ?? (mark < 0 ? target : target.slice(0, mark));
  const query = info?.query ?? (mark < 0 ? '' : target.slice(mark + 1));
  const method = (info?.method ?? head?.method ?? '').slice(0, maxMethod);
  const names = parameterNames(query);
  return `${method} ${shownPath(path)}${names.length > 0 ? `?${names.join('&')}` : ''}`;
}

export function shownPath(path: string): string {
  return printable(blankSecretText(path.slice(0, maxPath)));
}

/**
 * What surely is a name. A parameter without `=` is shown only when it is a plain word, and nothing after a `;` is, which
 * belongs to the value for servers that don't split there.
 */
export function parameterNames(query: string): readonly string[] {
  const names = new Set<string>();
  for (const pair of query.slice(0, maxQueryBytes).split('&')) {
    const end = pair.search(/[=;]/);
    const raw = end < 0 ? pair : pair.slice(0, end);
    if (raw === '') continue;
    const named = end >= 0 || /^[A-Za-z]{1,32}$/.test(raw);
    names.add(named ? (queryNames(raw)[0] ?? '?').slice(0, maxName).replace(/[^\x21-\x7e]/g, '?') : '?');
  }
  return [...names].slice(0, maxParameters);
}

function joined(values: readonly string[] | undefined): string | undefined {
  if (!values || values.length === 0) return undefined;
  return printable(blankSecretText(values.join(', ').slice(0, maxValue)));
}

/** Records are read in terminals: no control characters, C1 and those that turn the writing direction included. */
function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, '?');
}
