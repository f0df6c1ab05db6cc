// A sink that writes down what the judge asks for: the owner of the sockets in shield self-tests, fuzzers and unit tests.
import type { ConnectionSink, Finding } from './connection-types.ts';

export type RecordingSink = ConnectionSink & {
  /** Everything sent so far, one character a byte (latin1). */
  readonly server: string;
  readonly client: string;
  readonly findings: readonly Finding[];
  /** `SHIELD/RULE` of each repetition. */
  readonly repetitions: readonly string[];
  readonly serverClosed: boolean;
  /** Milliseconds of linger, once the client's side was ended. */
  readonly clientEnded: number | undefined;
  readonly serverEnded: boolean;
  readonly aborted: boolean;
  readonly holding: boolean;
  readonly requests: readonly string[];
  readonly responses: readonly number[];
  /** How many writes there were towards the server. */
  readonly serverWrites: number;
};

export function createRecordingSink(): RecordingSink {
  const record = {
    server: '',
    client: '',
    findings: [] as Finding[],
    repetitions: [] as string[],
    serverClosed: false,
    clientEnded: undefined as number | undefined,
    serverEnded: false,
    aborted: false,
    holding: false,
    requests: [] as string[],
    responses: [] as number[],
    serverWrites: 0,
    toServer(bytes: Buffer) {
      record.server += bytes.toString('latin1');
      record.serverWrites++;
    },
    toClient(bytes: Buffer) {
      record.client += bytes.toString('latin1');
    },
    closeServer() {
      record.serverClosed = true;
    },
    endClient(lingerMs: number) {
      record.clientEnded = lingerMs;
    },
    endServer() {
      record.serverEnded = true;
    },
    abort() {
      record.aborted = true;
    },
    holdClient(hold: boolean) {
      record.holding = hold;
    },
    finding(finding: Finding) {
      record.findings.push(finding);
    },
    repeated(shield: string, rule: string) {
      record.repetitions.push(`${shield}/${rule}`);
    },
    request(method: string, path: string) {
      record.requests.push(`${method} ${path}`);
    },
    response(status: number) {
      record.responses.push(status);
    },
  };
  return record;
}
