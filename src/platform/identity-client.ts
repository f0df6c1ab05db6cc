// Calls to the controller as the identity in a folder, and going on with another pair that is put there meanwhile.
import { Failure } from '../base/failure.ts';
import { RenewAnswer, type RenewRequest } from '../model/api.ts';
import { badAnswer, type JsonClient, openJsonClient } from './https-json.ts';
import { type ClientIdentity, isOwnCertificate, readIdentity, writeIdentity } from './identity.ts';
import { createRequest } from './pki.ts';

export type IdentityClient = Pick<JsonClient, 'call' | 'close'> & {
  identity(): ClientIdentity;
  /**
   * Has a key that is made here signed for the same role and name, writes the pair and goes on with it.
   * @throws as `call` does, or of writing; the former pair stays in use
   */
  renew(signal: AbortSignal): Promise<void>;
};

/** @throws Failure of readIdentity */
export function openIdentityClient(folder: string): IdentityClient {
  let identity = readIdentity(folder);
  const client = openJsonClient(identity);
  const take = (next: ClientIdentity) => {
    identity = next;
    client.use(next);
  };
  const call: JsonClient['call'] = async (wanted) => {
    const spoke = identity;
    try {
      return await client.call(wanted);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      // Nothing was done. It was sent before a renewal, or another process of ours, or a person, has renewed or enrolled.
      if (spoke === identity) {
        const there = readAgain(folder);
        if (!there || there.certificate === identity.certificate || !isOwnCertificate(there))
          throw withRemedy(error, identity, folder);
        take(there);
      }
    }
    try {
      return await client.call(wanted);
    } catch (error) {
      throw isRefusal(error) ? withRemedy(error, identity, folder) : error;
    }
  };
  return {
    identity: () => identity,
    call,
    async renew(signal) {
      const { role, name, ca } = identity;
      const { key, request } = await createRequest(name);
      const body = { role, name, csr: request } satisfies RenewRequest;
      const answer = RenewAnswer.safeParse(await call({ method: 'POST', path: '/v1/renew', body, signal }));
      if (!answer.success) throw badAnswer('it holds no certificate');
      const next = { controller: identity.controller, role, name, ca, key, ...answer.data };
      if (!isOwnCertificate(next)) throw badAnswer('the certificate is not for our key, role and name');
      writeIdentity(folder, next);
      take(next);
    },
    close: () => client.close(),
  };
}

function isRefusal(error: unknown): error is Failure {
  return error instanceof Failure && error.code === 'bad-client-certificate';
}

/** The folder may be gone, or half written. */
function readAgain(folder: string): ClientIdentity | undefined {
  try {
    return readIdentity(folder);
  } catch {
    return undefined;
  }
}

function withRemedy(error: Failure, { role, name }: ClientIdentity, place: string): Failure {
  const hint =
    role === 'admin' && name === 'admin'
      ? 'the controller renews its own admin when it starts and while it runs: is this the folder of the one that answers?'
      : `on the controller’s host: \`portcullis token ${role} ${name}\`; remove this folder, then run the command that it prints`;
  return new Failure(error.code, error.message, { place, hint, cause: error });
}
