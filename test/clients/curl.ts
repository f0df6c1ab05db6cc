// curl on the developer's host, one request a row: the same row through the gate and, where nothing is changed by it,
// at the server itself.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { sha256 } from './noise.ts';
import type { Clients } from './world.ts';

export type Protocol = 'http1.1' | 'http2';

export type Row = {
  readonly what: string;
  readonly path: string;
  /** curl's own, besides who is asking: method, fields. */
  readonly args?: readonly string[];
  readonly body?: string | Buffer;
  /** A client certificate's name; `none` for nobody, `token` for the developer's. */
  readonly as?: string;
  readonly status: number;
  /** Of the answer's body. */
  readonly bytes?: Buffer;
  readonly text?: RegExp;
  readonly field?: RegExp;
};

export type Answer = {
  readonly status: number;
  readonly version: string;
  /** Lower-case names, sorted, without those that differ between any two answers. */
  readonly fields: readonly string[];
  readonly body: Buffer;
};

let calls = 0;

export async function curl(
  clients: Clients,
  url: string,
  protocol: Protocol,
  row: Pick<Row, 'path' | 'args' | 'body' | 'as'>,
): Promise<Answer> {
  calls += 1;
  const file = (name: string) => join(clients.dir, `curl-${calls}-${name}`);
  const { as = 'developer' } = row;
  const credentials = ['--cert', clients.pki(`${as}.crt`), '--key', clients.pki(`${as}.key`)];
  if (row.body !== undefined) writeFileSync(file('request'), row.body);
  const printed = await clients.must([
    ...['curl', '-sS', `--${protocol}`, '--max-time', '270', '--cacert', clients.pki('ca.crt')],
    ...(as === 'none' ? [] : credentials),
    ...['-D', file('fields'), '-o', file('body'), '-w', '%{http_version} %{http_code}'],
    ...(row.body === undefined ? [] : ['--data-binary', `@${file('request')}`]),
    ...(row.args ?? []),
    `${url}${row.path}`,
  ]);
  const [version = '', status = ''] = printed.split(' ');
  const heads = readFileSync(file('fields'), 'latin1').trim().split('\r\n\r\n');
  const fields = (heads.at(-1) ?? '').split('\r\n').slice(1);
  const changing = /^(date|audit-id|connection|transfer-encoding):/;
  // curl makes no file for an answer without a body, and writes its head there when asked for that alone.
  const hasBody = existsSync(file('body')) && !row.args?.includes('--head');
  const body = hasBody ? readFileSync(file('body')) : Buffer.alloc(0);
  return {
    status: Number(status),
    version,
    fields: fields
      .map((line) => line.replace(/^[^:]*/, (name) => name.toLowerCase()))
      .filter((line) => !changing.test(line))
      .sort(),
    body,
  };
}

const versions: Readonly<Record<Protocol, string>> = { 'http1.1': '1.1', http2: '2' };

/** Asks through the gate and checks the answer; a request that only reads must get what the server gives directly. */
export async function checkRow(clients: Clients, protocol: Protocol, row: Row): Promise<void> {
  const answer = await curl(clients, clients.urls.gate, protocol, row);
  assert.equal(answer.version, versions[protocol]);
  assert.equal(answer.status, row.status, answer.body.toString('utf8', 0, 500));
  if (row.bytes) assert.equal(sha256(answer.body), sha256(row.bytes));
  if (row.text) assert.match(answer.body.toString(), row.text);
  if (row.field) assert.match(answer.fields.join('\n'), row.field);
  const writes = row.body !== undefined || row.args?.includes('-X');
  if (writes) return;
  const direct = await curl(clients, clients.urls.server, protocol, row);
  assert.equal(sha256(content(answer)), sha256(content(direct)), 'the same bytes as from the server');
  assert.deepEqual(
    [answer.status, answer.fields.filter(notLength)],
    [direct.status, direct.fields.filter(notLength)],
    'the same head as from the server',
  );
}

const notLength = (field: string) => !field.startsWith('content-length:');

/** A list says how new it is (leases are renewed all the time), a table how old its objects are. */
function content({ fields, body }: Answer): string {
  const plain = fields.includes('content-encoding: gzip') ? gunzipSync(body) : body;
  return plain
    .toString('latin1')
    .replace(/("metadata":\{"resourceVersion":")\d+/, '$1')
    .replace(/"\d+[sm]"/g, '"age"');
}
