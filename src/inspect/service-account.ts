// Which service account a bearer token says it is of. Nothing is verified here: the server verifies the same token, or
// answers 401. So the name may narrow what a rule refuses and must never open anything by itself; and where the server
// could authenticate the caller by something else than this token, there is no name.
import type { FieldTable } from '../http/field-table.ts';

/** Longer ones are nobody's service account token: the server's own are about 1 KiB. */
const maxToken = 16_384;
const subject = /^system:serviceaccount:[a-z0-9][a-z0-9-]{0,62}:[a-z0-9][a-z0-9.-]{0,252}$/;

/**
 * `system:serviceaccount:NAMESPACE:NAME`, or '' where the request carries anything but exactly one Authorization field
 * with one such token. A second credential, in Sec-WebSocket-Protocol, is tried by the server when the first fails.
 */
export function claimedServiceAccount(fields: FieldTable): string {
  let token = '';
  for (let index = 0; index < fields.count; index++) {
    const name = fields.nameText(index).toLowerCase();
    if (name === 'sec-websocket-protocol') return '';
    if (name !== 'authorization') continue;
    if (token !== '') return '';
    token = fields.valueText(index);
    if (token === '' || token.length > maxToken) return '';
  }
  const payload = /^bearer [\w-]+\.([\w-]+)\.[\w-]+$/i.exec(token)?.[1];
  return payload === undefined ? '' : accountOf(payload);
}

function accountOf(payload: string): string {
  let claims: unknown;
  try {
    claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  } catch {
    return '';
  }
  if (typeof claims !== 'object' || claims === null) return '';
  // What an issuer that is not the server says of its users is no service account's name.
  const own = Object.keys(claims).some((name) => name.startsWith('kubernetes.io'));
  const name = (claims as { readonly sub?: unknown }).sub;
  return own && typeof name === 'string' && subject.test(name) ? name : '';
}
