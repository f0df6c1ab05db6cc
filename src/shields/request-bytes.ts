// A request step of a shield's test → its bytes over HTTP/1.1, and the fields that both protocols send.
import type { BodyTwin, RequestStep, ShieldTest } from '../model/shield.ts';
import { bodyOf } from './request-twins.ts';

export type WrittenRequest = {
  readonly method: string;
  readonly path: string;
  /** Names as in the shield; without Host and what frames the body. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer | undefined;
};

/** @throws Failure `bad-exchange` */
export function writtenRequest(
  { request }: RequestStep,
  twin: BodyTwin,
  as: ShieldTest['as'],
): WrittenRequest {
  const body = bodyOf(request, twin);
  const fields: (readonly [string, string])[] = [];
  for (const [name, values] of Object.entries(request.headers ?? {})) {
    for (const value of Array.isArray(values) ? values : [values]) fields.push([name, value]);
  }
  if (as && 'serviceAccount' in as)
    fields.push(['Authorization', `Bearer ${accountToken(as.serviceAccount)}`]);
  const contentType = request.contentType ?? body?.contentType ?? '';
  if (contentType !== '') fields.push(['Content-Type', contentType]);
  return { method: methodOf(request), path: request.path, fields, body: body?.bytes };
}

function methodOf({ method, patch, object, body, base64 }: RequestStep['request']): string {
  if (method !== undefined) return method;
  if (patch !== undefined) return 'PATCH';
  return object === undefined && body === undefined && base64 === undefined ? 'GET' : 'POST';
}

/** @param framing chunks are of 100 bytes */
export function http1Bytes(written: WrittenRequest, framing: 'length' | 'chunked'): Buffer {
  const { method, path, fields, body } = written;
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: kubernetes'];
  for (const [name, value] of fields) lines.push(`${name}: ${value}`);
  if (body && framing === 'length') lines.push(`Content-Length: ${body.length}`);
  if (body && framing === 'chunked') lines.push('Transfer-Encoding: chunked');
  const parts: Buffer[] = [Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)];
  if (body && framing === 'length') parts.push(body);
  if (body && framing === 'chunked') {
    for (let at = 0; at < body.length; at += 100) {
      const piece = body.subarray(at, at + 100);
      parts.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
    }
    parts.push(Buffer.from('0\r\n\r\n'));
  }
  return Buffer.concat(parts);
}

export type WrittenAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export function writtenAnswer({ answer }: RequestStep): WrittenAnswer {
  const given = typeof answer === 'number' ? { status: answer } : (answer ?? { status: 200 });
  return { headers: { 'Content-Type': 'application/json' }, body: '{}\n', ...given } as WrittenAnswer;
}

export function http1Answer({ status, headers, body }: WrittenAnswer, method: string): Buffer {
  const without = method === 'HEAD' || status === 204 || status === 304;
  const lines = [`HTTP/1.1 ${status} Answer`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (status !== 204) lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${without ? '' : body}`);
}

/** What a service account's token says; nobody signed it. */
function accountToken(account: string): string {
  const [namespace = '', name = ''] = account.split(':');
  const claims = {
    iss: 'https://kubernetes.default.svc',
    sub: `system:serviceaccount:${namespace}:${name}`,
    'kubernetes.io': { namespace, serviceaccount: { name } },
  };
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.${part('not signed')}`;
}
