// How a worker or person comes by an identity: a token, spent once at the controller that made it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { Failure } from '../base/failure.ts';
import { EnrolAnswer, type Role } from '../model/api.ts';
import { badAnswer, controllerServerName, openJsonClient, parseAnswer } from './https-json.ts';
import { identityValid, parseHostPort, readIdentity, writeIdentity } from './identity.ts';
import { createRequest, fingerprint } from './pki.ts';

export type Enrolment = {
  /** `address:port`, IPv6 in brackets. */
  readonly controller: string;
  /** From POST /v1/tokens: `<id>.<secret>.<sha256 of the controller's CA>`. */
  readonly token: string;
  readonly role: Role;
  readonly name: string;
  /** The identity is written to `<dataDir>/identity/`. */
  readonly dataDir: string;
};

/**
 * Gets an identity from the controller, once: the key is made here and stays here, the controller's CA is accepted only
 * when it has the fingerprint that the token names, and the token goes only to a server with a certificate of that CA.
 * Does nothing when a valid identity of the same role, name and CA is there (the address is brought up to date).
 * @throws Failure `bad-token`, `wrong-controller` (no CA with that fingerprint), `already-enrolled` (as somebody else),
 * `controller-unreachable`, or the controller's Problem
 */
export async function enrol(want: Enrolment): Promise<void> {
  const pin = /^[a-z0-9]{1,64}\.[A-Za-z0-9_-]{16,128}\.([0-9a-f]{64})$/.exec(want.token.trim())?.[1];
  if (pin === undefined) {
    throw new Failure('bad-token', 'this is not an enrolment token', {
      hint: 'make one at the controller; it has three parts with dots between',
    });
  }
  const folder = join(want.dataDir, 'identity');
  const present = existsSync(join(folder, 'identity.json')) ? readIdentity(folder) : undefined;
  if (present) {
    const same = present.role === want.role && present.name === want.name && fingerprint(present.ca) === pin;
    if (!same) {
      throw new Failure(
        'already-enrolled',
        `already enrolled as ${present.role} '${present.name}' with the controller at ${present.controller}`,
        { place: folder, hint: 'remove this folder to enrol again' },
      );
    }
    if (identityValid(present, Date.now())) {
      if (present.controller !== want.controller)
        writeIdentity(folder, { ...present, controller: want.controller });
      return;
    }
  }
  const ca = await fetchPinnedAuthority(want.controller, pin);
  const { key, request } = await createRequest(want.name);
  const client = openJsonClient({ controller: want.controller, ca });
  try {
    const { role, name } = want;
    const answer = parseAnswer(
      EnrolAnswer,
      await client.call({
        method: 'POST',
        path: '/v1/enrol',
        body: { token: want.token.trim(), role, name, csr: request },
      }),
    );
    if (fingerprint(answer.ca) !== pin) throw badAnswer('it names another CA than the token');
    writeIdentity(folder, {
      controller: want.controller,
      role,
      name,
      key,
      certificate: answer.certificate,
      ca,
    });
  } finally {
    client.close();
  }
}

/**
 * The CA certificate with that fingerprint, from the chain that the controller presents. Nothing is sent on this
 * connection, and the certificate counts only because of its fingerprint.
 */
function fetchPinnedAuthority(controller: string, pin: string): Promise<string> {
  const { host, port } = parseHostPort(controller);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, servername: controllerServerName, rejectUnauthorized: false });
    const fail = (cause: Error) => {
      socket.destroy();
      reject(
        new Failure(
          'controller-unreachable',
          `the controller at ${controller} can't be reached: ${cause.message}`,
          {
            cause,
          },
        ),
      );
    };
    socket.setTimeout(5_000, () => fail(new Error('no TLS handshake in time')));
    socket.on('error', fail);
    socket.on('secureConnect', () => {
      const seen = new Set<string>();
      let certificate = socket.getPeerX509Certificate();
      while (certificate && !seen.has(certificate.fingerprint256)) {
        seen.add(certificate.fingerprint256);
        const pem = certificate.toString();
        if (fingerprint(pem) === pin) {
          socket.destroy();
          return resolve(pem);
        }
        certificate = certificate.issuerCertificate;
      }
      socket.destroy();
      reject(
        new Failure(
          'wrong-controller',
          `the server at ${controller} is not the controller that made this token`,
          {
            hint: 'check the address, and that the token is from this controller',
          },
        ),
      );
    });
  });
}
