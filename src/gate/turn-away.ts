// Callers whose client certificate is refused: told why by the answer to what they ask first, and then ended.
import type { TLSSocket } from 'node:tls';
import { type ConnectionSettings, defaultIdentityFields } from '../inspect/connection-types.ts';
import { refuseHttp2Connection } from '../inspect/h2/connection.ts';
import { noRules } from '../inspect/rules.ts';
import type { GateLimits } from './limits.ts';
import { type CoarseClock, type Relay, startRelay } from './relay.ts';
import type { Telling } from './telling.ts';

/** What a connection needs beside its caller. */
export type TurnAwayParts = {
  readonly clock: CoarseClock;
  readonly limits: GateLimits;
  readonly telling: Telling;
  /** The caller has asked something and is answered. */
  readonly answered: () => void;
  /** Its connection has closed. */
  readonly gone: () => void;
};

export type TurnedAway = Pick<Relay, 'sweep' | 'drain' | 'lastCall' | 'finish' | 'destroy' | 'serverOpen'>;

export function turnAway(client: TLSSocket, message: string, parts: TurnAwayParts): TurnedAway {
  return (client.alpnProtocol === 'h2' ? overHttp2 : overHttp1)(client, message, parts);
}

function overHttp1(
  client: TLSSocket,
  message: string,
  { limits, telling, answered, gone }: TurnAwayParts,
): TurnedAway {
  const destroy = () => client.destroy();
  const timer = setTimeout(destroy, limits.firstRequestMs);
  client.once('data', () => {
    answered();
    telling.response(401);
    // What the caller still sends is read and dropped for a second, so that a reset doesn't overtake the answer.
    client.end(unauthorizedAnswer(message), () => setTimeout(destroy, 1000).unref());
    client.resume();
  });
  client.on('end', () => client.destroySoon());
  client.on('error', () => {});
  client.on('close', () => {
    clearTimeout(timer);
    gone();
  });
  return { sweep() {}, drain() {}, lastCall() {}, finish: destroy, destroy, serverOpen: false };
}

/** The first request is answered so, by a judge that asks no server. */
function overHttp2(
  client: TLSSocket,
  message: string,
  { clock, limits, telling, answered, gone }: TurnAwayParts,
): TurnedAway {
  const settings: ConnectionSettings = {
    identity: { method: 'none' },
    identityFields: defaultIdentityFields,
    sourceAddress: '0.0.0.0',
    rules: noRules,
    limits,
  };
  let told = false;
  const tell = () => {
    if (!told) answered();
    told = true;
  };
  return startRelay(
    client,
    (sink) => refuseHttp2Connection(settings, { ...sink, toServer() {} }, 401, message),
    () => {
      throw new Error('no server is asked');
    },
    clock,
    limits,
    {
      ...telling,
      // What is wrong with its requests besides is nothing to tell of.
      finding: tell,
      begun() {
        tell();
        return undefined;
      },
      closed: gone,
    },
  );
}

/** A whole HTTP/1.1 answer with a Kubernetes `Status` of code 401; the connection ends with it. */
function unauthorizedAnswer(message: string): Buffer {
  const body = Buffer.from(
    `${JSON.stringify({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason: 'Unauthorized',
      code: 401,
    })}\n`,
  );
  const head = `HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nCache-Control: no-cache, private\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}
