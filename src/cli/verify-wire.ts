// How a verification asks: bytes over TLS on connections of its own, each bounded in time, and what came back.
import { createSocket } from 'node:dgram';
import { connect as connectTcp, isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, connect } from 'node:tls';
import { answerEnd, type Heard, listenTo, type RawAnswer, readAnswer } from '../controller/raw-answer.ts';
import type { Endpoint } from '../model/common.ts';
import type { Kubeconfig } from '../platform/kubeconfig.ts';

const connectMs = 3_000;
const answerMs = 5_000;
const quietMs = 400;

/** `10.0.0.1:6443`, IPv6 in brackets. */
export function endpointText({ address, port }: Endpoint): string {
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The address that this machine would speak from; nothing is sent. undefined: there is no way there. */
export function sourceTowards({ address, port }: Endpoint): Promise<string | undefined> {
  const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    const done = (source?: string) => {
      socket.close();
      resolve(source);
    };
    socket.once('error', () => done());
    socket.connect(port, address, () => done(socket.address().address));
  });
}

/** Why no connection can be had; undefined: it can. */
export function refusedBy({ address, port }: Endpoint): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host: address, port });
    const done = (why?: string) => {
      socket.destroy();
      resolve(why);
    };
    socket.setTimeout(connectMs, () => done(`no answer in ${connectMs / 1000} s`));
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    socket.once('connect', () => done());
  });
}

export type Said = RawAnswer & { readonly body: string };

export type Line = {
  /** Sends bytes and reads the answer to them; undefined when none came. */
  ask(bytes: Buffer | string): Promise<Said | undefined>;
  readonly heard: Heard;
  close(): void;
};

/** With the caller's own certificate, or as nobody. @throws Error of the handshake, in its own words */
export async function openLine(
  at: Endpoint,
  { server, ca, credentials }: Kubeconfig,
  as: 'caller' | 'nobody',
): Promise<Line> {
  const { certificate, key } = credentials;
  const options: ConnectionOptions = {
    host: at.address,
    port: at.port,
    servername: isIP(server.serverName) ? '' : server.serverName,
    // Another way to the server shows the same certificate: it is the kubeconfig's name that must be in it.
    checkServerIdentity: (_host, shown) => checkServerIdentity(server.serverName, shown),
    ...(ca === undefined ? {} : { ca }),
    ...(as === 'caller' && certificate !== undefined ? { cert: certificate, key } : {}),
    ALPNProtocols: ['http/1.1'],
  };
  const socket = connect(options);
  const heard = listenTo(socket);
  await new Promise<void>((resolve, reject) => {
    const limit = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no TLS handshake in ${answerMs / 1000} s`));
    }, answerMs);
    socket.once('secureConnect', () => {
      clearTimeout(limit);
      resolve();
    });
    socket.once('error', (error) => {
      clearTimeout(limit);
      reject(error);
    });
  });
  return {
    heard,
    async ask(bytes) {
      const before = heard.text().length;
      socket.write(bytes);
      await heard
        .until((text) => answerEnd(text.slice(before)) !== undefined, answerMs, quietMs)
        .catch(() => {});
      const text = heard.text().slice(before);
      const answer = readAnswer(text);
      return answer && { ...answer, body: text.slice(text.indexOf('\r\n\r\n') + 4) };
    },
    close: () => socket.destroy(),
  };
}

/** A request of the caller's own. */
export function requestText(target: string, { server, credentials }: Kubeconfig, more = ''): string {
  const { token } = credentials;
  const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`;
  const host = `${server.host.includes(':') ? `[${server.host}]` : server.host}:${server.port}`;
  return `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: portcullis-verify/1\r\nAccept: application/json\r\n${authorization}${more}\r\n`;
}
