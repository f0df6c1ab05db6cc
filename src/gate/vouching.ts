// Does a server take the gate's word for who is calling? One that doesn't would answer every caller with a certificate 401,
// so nobody is steered to a gate before this is known.
import { carriedFields } from '../inspect/carried-identity.ts';
import type { ListenerView } from './listener-view.ts';

/** Who the gate is while it asks; the server's audit log shows the name. */
const asker = { method: 'certificate', user: 'portcullis:health', groups: ['system:authenticated'] } as const;
/** Of the answer, as much as tells a refused impersonation. */
const answerBytes = 16_384;

/** Asks for `/version` in somebody's name, as the gate does for callers. Undefined when that is taken, else why not. */
export function checkVouching(view: ListenerView, timeoutMs: number): Promise<string | undefined> {
  const mode = view.listener.identity?.mode ?? 'front-proxy';
  if (mode === 'bearer' || mode === 'l4') return Promise.resolve(undefined);
  return new Promise((resolve) => {
    let answer = '';
    const socket = view.upstream.open('vouching', (bytes) => {
      answer += bytes.toString('latin1');
      if (answer.length >= answerBytes || isWhole(answer)) done(verdict(answer, mode));
    });
    const timer = setTimeout(() => done('no answer to GET /version in time'), timeoutMs);
    socket.once('secureConnect', () => socket.write(request(view)));
    socket.on('end', () => done(verdict(answer, mode)));
    socket.on('error', (error) => done(error.message));

    function done(why: string | undefined): void {
      clearTimeout(timer);
      socket.destroy();
      resolve(why);
    }
  });
}

function request(view: ListenerView): string {
  const { carriage = { how: 'front-proxy' }, identityFields } = view.carry.settings;
  const credential = carriage.how === 'impersonation' ? carriage.credential?.authorization : undefined;
  const fields = carriedFields(asker, carriage, identityFields, credential);
  const lines = [['Host', view.listener.upstream.serverName], ['Connection', 'close'], ...fields];
  return `GET /version HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

function isWhole(answer: string): boolean {
  const end = answer.indexOf('\r\n\r\n');
  const length = /\r\ncontent-length: *([0-9]{1,9})\r\n/i.exec(answer.slice(0, end + 2))?.[1];
  return end > 0 && length !== undefined && answer.length >= end + 4 + Number(length);
}

export function verdict(answer: string, mode: 'front-proxy' | 'impersonation'): string | undefined {
  const status = /^HTTP\/1\.[01] ([0-9]{3})[ \r]/.exec(answer)?.[1];
  if (status === undefined) return 'no HTTP answer to GET /version';
  if (status === '401') {
    return mode === 'front-proxy'
      ? 'the server does not accept the front-proxy certificate (401): see its --requestheader-client-ca-file and --requestheader-allowed-names'
      : "the server does not accept the gate's credential for impersonation (401)";
  }
  if (mode === 'impersonation' && status === '403' && answer.includes('cannot impersonate'))
    return 'the gate may not impersonate users and groups (403): see docs/identity.md';
  return undefined;
}
