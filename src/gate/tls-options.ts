// How the gate speaks TLS: versions, ciphers, and what a session ticket is good for.
import { constants, createHash, hkdfSync } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { GateListener } from '../model/plan.ts';
import type { IdentityMaterial } from './identity-files.ts';

/** Forward secrecy and authenticated encryption only; AES-128 first, as Go's servers have it. */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** Of both sides. */
export const secureChannel = {
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers,
} as const satisfies SecureContextOptions;

type ServedKeys = Pick<
  IdentityMaterial,
  'serving' | 'clientCa' | 'clientCrl' | 'fingerprint' | 'ticketSecret'
>;

/**
 * A ticket carries the verified client certificate, so it may only open the listener, server, client CA and revocation
 * list that it was made by: its keys follow from all of them, and the session context names them. They are the same in
 * every process that was given the same secret, so a caller may resume with any of the gate's workers.
 * Renegotiation (TLS 1.2) is off: the identity is that of the one handshake.
 */
export function secureOptions(listener: GateListener, material: ServedKeys) {
  const { server, listen } = listener;
  const context = `${server}|${listen.address}|${listen.port}|${material.fingerprint}`;
  return {
    ...secureChannel,
    cert: material.serving.certificate,
    key: material.serving.key,
    ca: material.clientCa,
    ...(material.clientCrl ? { crl: [...material.clientCrl.pem] } : {}),
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ticketKeys: Buffer.from(hkdfSync('sha256', Buffer.from(material.ticketSecret, 'hex'), '', context, 48)),
    sessionIdContext: createHash('sha256').update(context).digest('hex').slice(0, 32),
  };
}
